"""A judging method of another package, as CONTRIBUTING.md tells to write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from prefline.config import JudgeParams, read_params
from prefline.errors import ParamsError
from tasks.judge.batches import Batches
from tasks.judge.jobs import JudgeJob, plan_comparisons, question_hashes, read_context
from tasks.judge.pairs import select_pairs
from tasks.judge.results import judgment_rows
from tasks.judge.self_preference import self_preference_warnings
from tests.prefline.config.temporary_package import install_package
from tests.recipes import recipe
from tests.tasks.judge.material import prompt
from tests.tasks.judge.scripted_judge import collect

ENDPOINT = {"base_url": "http://host/v1", "model": "m"}


def params_with(folder: Path, **judge: Any) -> JudgeParams:
    section = {"name": "manners", "method": "polite", "endpoint": ENDPOINT} | judge
    content = {
        "sample": {"sources": [{"name": "s", "path": "p.jsonl"}]},
        "generate": {"endpoints": [ENDPOINT]},
        "judge": {"judges": [section]},
    }
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return read_params(path).judge


@pytest.fixture
def _polite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = recipe("A judging method")
    install_package(tmp_path, monkeypatch, "prefline.methods", {"polite": ("Polite", code)})


@pytest.mark.usefixtures("_polite")
def test_the_recipe_gives_a_method_that_is_planned_asked_and_read_as_a_built_in_one(
    tmp_path: Path,
) -> None:
    params = params_with(tmp_path, formal=True)
    (judge,) = params.judges
    rows = [
        {"response_id": text, "prompt_id": prompt().prompt_id, "model": "m", "text": text,
         "finish_reason": "stop"}
        for text in ("Dear reader, it is four.", "four, and now go away")
    ]  # fmt: skip
    pairs = select_pairs([prompt()], rows, params)
    context = read_context(judge, params, tmp_path, rows)
    job = JudgeJob(judge, context, list(plan_comparisons(pairs.comparisons, judge, context)))
    ((asked,), end) = (Batches(params, [job], dict).next([]), "A")
    collected = collect(asked.tasks(), end)
    table, rejections = judgment_rows(judge, [[*collected.judgments, *collected.rejections]])

    assert job.calls == len(collected.requests) == 2, "in both orders"
    assert "more formal" in collected.requests[0].messages[0]["content"]
    assert table["method"].to_pylist() == ["polite", "polite"]
    assert table["verdict"].to_pylist() == ["first", "first"]
    assert rejections == []
    assert question_hashes([judge], [context])["manners"]["method"] == "polite"
    assert self_preference_warnings([judge], {}, ["m"]) != [], "it is a model judge as any other"


@pytest.mark.usefixtures("_polite")
def test_its_params_survive_being_dumped(tmp_path: Path) -> None:
    assert params_with(tmp_path, formal=True).model_dump()["judges"][0]["formal"] is True


@pytest.mark.usefixtures("_polite")
@pytest.mark.parametrize(
    ("judge", "message"),
    [
        ({"method": "polit"}, "judge.judges.0.method: unknown 'polit'; did you mean 'polite'?"),
        ({"formel": 1}, "judge.judges.0.formel: unknown key; did you mean 'formal'?"),
        ({"formal": "perhaps"}, "judge.judges.0.formal: Input should be a valid boolean"),
    ],
)
def test_what_is_wrong_with_its_section_is_told_as_for_a_built_in_one(
    tmp_path: Path, judge: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParamsError) as caught:
        params_with(tmp_path, **judge)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("hollow", "class Polite: pass", "declares no params"),
        ("broken", "import nowhere_to_be_found", "cannot be imported"),
    ],
)
def test_a_declaration_that_is_none_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str, message: str
) -> None:
    install_package(tmp_path, monkeypatch, "prefline.methods", {name: ("Polite", code)})

    with pytest.raises(ParamsError, match=f"judging method '{name}'.*{message}"):
        params_with(tmp_path, method=name)
