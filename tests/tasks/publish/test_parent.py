from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefline.config import PUBLISH_FORMATS, Params, read_params
from prefline.errors import ParamsError
from prefline.releases import Manifest
from tasks.judge.jobs import question_hashes, read_context
from tasks.publish.parent import breaks, meaning_of, refuse_breaks

ROOT = Path(__file__).parents[3]
PARAMS = read_params(ROOT / "params.yaml")
ENDPOINT = {"base_url": "http://host/v1", "model": "m"}


def params_with(*judges: dict[str, Any], **pair: Any) -> Params:
    data = yaml.safe_load((ROOT / "params.yaml").read_text())
    data["judge"]["judges"] = list(judges) or data["judge"]["judges"]
    data["pair"] |= pair
    return Params.model_validate(data)


def judge(name: str = "j", method: str = "pairwise", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "method": method,
        "endpoint": ENDPOINT | {"model": f"of-{name}"},
        **changes,
    }


def asked(params: Params, root: Path = ROOT) -> dict[str, dict[str, str]]:
    judges = params.judge.judges
    return question_hashes(judges, [read_context(one, params.judge, root, []) for one in judges])


def meaning(params: Params, root: Path = ROOT) -> Any:
    return meaning_of(params, asked(params, root))


def parent(params: Params = PARAMS, *, formats: tuple[str, ...] = ("preference",)) -> Manifest:
    schemas = {
        name: {
            one.name: str(one.type).replace("<item:", "<element:")
            for one in PUBLISH_FORMATS.get(name).schema
        }
        for name in formats
    }
    files = tuple(_file(name) for name in formats)
    return Manifest(
        dataset="demo", version=4, parent=None, files=files, schema=schemas.pop("preference"),
        schemas=schemas, card_sha256="", created_at="", license="",
        lineage={"meaning": meaning(params)},
    )  # fmt: skip


def _file(name: str) -> Any:
    from prefline.releases import DataFile

    return DataFile("train", "0" * 64, 1, 1, name)


def test_the_default_params_do_not_trip_over_themselves() -> None:
    assert list(breaks(parent(), PARAMS.publish.formats, meaning(PARAMS))) == []


def same(one: Params, other: Params) -> bool:
    return bool(meaning(one)["fingerprint"] == meaning(other)["fingerprint"])


def test_another_model_that_is_asked_the_same_is_no_new_meaning() -> None:
    assert same(params_with(judge("a")), params_with(judge("b")))
    assert same(params_with(judge("a")), params_with(judge("a"), judge("b", max_pairs=10)))


CRITERIA = [{"name": "truth", "asks": "says nothing false"}]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(judge(), judge(method="reasoned"), id="method"),
        pytest.param(judge(), judge(ties=True), id="ties"),
        pytest.param(
            judge(method="rubric"), judge(method="rubric", criteria=CRITERIA), id="criteria"
        ),
        pytest.param(
            judge(method="rubric", criteria=CRITERIA),
            judge(method="rubric", criteria=[CRITERIA[0] | {"weight": 2.0}]), id="weights",
        ),
        pytest.param(judge(method="rubric"), judge(method="rubric", highest=5), id="scale"),
    ],
)  # fmt: skip
def test_another_question_is_a_new_meaning(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert not same(params_with(before), params_with(after))
    found = list(breaks(parent(params_with(before)), ("preference",), meaning(params_with(after))))
    assert [one.partition(":")[0] for one in found] == [
        "judges are no longer asked", "judges are newly asked",
    ]  # fmt: skip


def test_another_principle_is_a_new_meaning_and_another_order_of_drawing_is_none(
    tmp_path: Path,
) -> None:
    path = tmp_path / "data/principles/mine.jsonl"
    path.parent.mkdir(parents=True)
    by = [params_with(judge(method="constitution", principles="data/principles/mine.jsonl", draw=d))
          for d in ("one", "all")]  # fmt: skip
    path.write_text(
        '{"id": "a", "choose": "the brief one"}\n{"id": "b", "choose": "the kind one"}\n'
    )
    one, every = (meaning(params, tmp_path)["fingerprint"] for params in by)
    path.write_text(
        '{"id": "a", "choose": "the brief one"}\n{"id": "b", "choose": "the dull one"}\n'
    )

    assert one == every
    assert meaning(by[0], tmp_path)["fingerprint"] != one


def test_another_threshold_is_a_new_meaning_and_another_share_for_test_is_none() -> None:
    assert same(params_with(), params_with(test_share=0.5))
    found = list(breaks(parent(), ("preference",), meaning(params_with(verifier_accuracy=0.9))))
    assert found == ["pair.verifier_accuracy was by kind of check and is 0.9"]


def test_a_verifier_is_asked_by_its_rules() -> None:
    assert asked(PARAMS)["verifier"]["method"] == "verifier"


def test_columns_and_formats_may_come_and_not_go() -> None:
    both = parent(formats=("preference", "kto"))
    fewer = replace(both, schema={k: v for k, v in both.schema.items() if k != "log_odds"})
    more = replace(both, schema=both.schema | {"gone": "string", "p_chosen": "float"})
    mine = meaning(PARAMS)

    assert list(breaks(fewer, ("preference", "kto", "sft"), mine)) == []
    assert list(breaks(more, ("preference",), mine)) == [
        "preference: the column p_chosen was float and is double",
        "preference: the column gone is gone",
        "the format kto is gone",
    ]


def test_a_version_without_a_word_on_its_meaning_breaks_none() -> None:
    old = replace(parent(), lineage={})
    assert list(breaks(old, ("preference",), meaning(PARAMS))) == []


def test_a_break_is_refused_until_major_is_raised_and_major_never_falls() -> None:
    other = meaning(params_with(min_p_chosen=0.9))
    with pytest.raises(ParamsError, match=r"set `publish\.major: 2`"):
        refuse_breaks(parent(), ("preference",), other, 1)
    refuse_breaks(parent(), ("preference",), other, 2)
    refuse_breaks(None, ("preference",), other, 1)
    with pytest.raises(ParamsError, match="is of major 3"):
        refuse_breaks(replace(parent(), major=3), ("preference",), other, 2)
