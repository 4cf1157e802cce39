from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.labels.recorded_table import FOLDER, audit_table
from tasks.evaluate.wins import Written, wins
from tests.prefline.audit.test_models import PUBLISHED
from tests.tasks.evaluate.material import known

Row = dict[str, Any]


def said(prompt: str, first: str, second: str, verdict: str, p_first: float | None = None) -> Row:
    """A verdict on responses whose ids name prompt and model."""
    ids = {"first_id": f"{prompt} {first}", "second_id": f"{prompt} {second}"}
    return ids | {"prompt_id": prompt, "judge": "j", "verdict": verdict, "p_first": p_first}


def written(rows: list[Row], **lengths: int) -> dict[str, Written]:
    ids = {row[side] for row in rows for side in ("first_id", "second_id")}
    return {one: Written(one.split()[-1], lengths.get(one.split()[-1], 10)) for one in ids}


def test_a_pair_is_the_mean_of_both_orders() -> None:
    rows = [
        said("1", "us", "base", "first", 0.9), said("1", "base", "us", "first", 0.7),  # 0.6
        said("2", "us", "base", "tie"), said("2", "base", "us", "second"),  # 0.75
        said("3", "base", "us", "first"),  # 0, one order
        said("4", "us", "base", "invalid", 0.9), said("4", "base", "us", "second"),  # 1, one order
        said("5", "us", "base", "invalid"), said("5", "base", "us", "invalid"),
    ]  # fmt: skip
    found = wins(rows, written(rows), "us").against["base"]

    assert found.raw.value == pytest.approx((0.6 + 0.75 + 0 + 1) / 4)
    assert (found.n_pairs, found.n_one_order, found.n_invalid) == (4, 2, 1)


def test_others_are_told_apart_and_verdicts_without_the_policy_counted() -> None:
    rows = [
        said("1", "us", "base", "first"), said("1", "before", "us", "first"),
        said("2", "base", "us", "second"), said("2", "base", "before", "first"),
        said("3", "us", "us", "first"),
    ]  # fmt: skip
    known_of = written(rows)
    strange = said("9", "us", "nobody", "first")
    found = wins([*rows, strange], known_of, "us")

    assert {name: one.raw.value for name, one in found.against.items()} == {"base": 1, "before": 0}
    assert found.n_other == 3


def planted(n: int, effect: float, skill: float) -> tuple[list[Row], dict[str, Written]]:
    """Verdicts for a policy that is mostly longer, whose log-odds of winning are known."""
    random, rows, texts = np.random.default_rng(0), list[Row](), dict[str, Written]()
    longer = random.normal(300, 300, n)
    for k, extra in enumerate(longer):
        p = 1 / (1 + math.exp(-(skill + effect * math.tanh(extra / longer.std()))))
        rows.append(said(f"{k}", "us", "base", "first" if p > 0.5 else "second", p))
        rows.append(said(f"{k}", "base", "us", "second" if p > 0.5 else "first", 1 - p))
        texts[f"{k} us"], texts[f"{k} base"] = (
            Written("us", int(1_000 + extra)),
            Written("base", 1_000),
        )
    return rows, texts


def test_wins_that_are_all_length_are_none_once_length_is_taken_out() -> None:
    found = wins(*planted(400, effect=1.5, skill=0.0), "us").against["base"]

    assert known(found.raw)[0] > 0.6
    assert known(found.length_controlled)[1] == pytest.approx(0.5, abs=0.02)


def test_wins_by_skill_stay_when_length_is_taken_out() -> None:
    found = wins(*planted(400, effect=0.0, skill=0.7), "us").against["base"]
    low, value, high = known(found.length_controlled)

    assert value == pytest.approx(1 / (1 + math.exp(-0.7)), abs=0.01)
    assert low <= value <= high


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("12345"), st.booleans(),
            st.sampled_from(["first", "second", "tie", "invalid"]),
        ),
        min_size=1,
        max_size=15,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_what_one_does_not_win_the_other_does_in_any_order_of_the_rows(
    verdicts: list[tuple[str, bool, str]], random: Any
) -> None:
    rows = [said(p, *(("us", "base") if o else ("base", "us")), v) for p, o, v in verdicts]
    texts = written(rows, us=20)
    ours = wins(rows, texts, "us").against["base"]
    shuffled = list(rows)
    random.shuffle(shuffled)
    theirs = wins(shuffled, texts, "base").against["us"]

    assert ours.n_pairs + ours.n_invalid == len({p for p, _, _ in verdicts})
    if ours.raw.value is None or theirs.raw.value is None:
        assert ours.n_pairs == theirs.n_pairs == 0
        return
    assert ours.raw.value + theirs.raw.value == pytest.approx(1)
    if ours.raw.low is not None:
        low, value, high = known(ours.raw)
        assert low - 1e-12 <= value <= high + 1e-12


def test_the_figures_are_ready_for_json() -> None:
    rows = [said("1", "us", "base", "first")]
    found = orjson.loads(orjson.dumps(wins(rows, written(rows), "us").as_dict()))

    assert found["against"]["base"]["raw"]["value"] == 1


def test_without_verdicts_there_are_no_rates() -> None:
    rows = [said("1", "us", "base", "invalid")]

    assert wins([], {}, "us").against == {}
    assert wins(rows, written(rows), "us").against["base"].raw.value is None


BASELINE = "gpt4_1106_preview"


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the recorded judgments are not beside the project")
def test_recorded_judgments_give_win_rates_near_the_published_ones() -> None:
    rows, texts = list[Row](), dict[str, Written]()
    for row in audit_table().to_pylist():
        p = row["p_first"]
        rows.append(row | {"verdict": "tie" if p == 0.5 else "first" if p > 0.5 else "second"})
        for side in ("first", "second"):
            texts[row[f"{side}_id"]] = Written(row[f"{side}_model"], row[f"{side}_length"])
    found = wins(rows, texts, BASELINE).against

    for name, (raw, controlled) in PUBLISHED.items():
        assert 100 * (1 - known(found[name].raw)[1]) == pytest.approx(raw, abs=0.01)
        assert 100 * (1 - known(found[name].length_controlled)[1]) == pytest.approx(
            controlled, abs=5
        )
    # Alone with the baseline nothing tells hard prompts from long answers: further off, upwards.
    one = "claude-2.1"
    alone = wins([r for r in rows if one in (r["first_model"], r["second_model"])], texts, BASELINE)
    assert 100 * (1 - known(alone.against[one].length_controlled)[1]) == pytest.approx(32, abs=0.5)
