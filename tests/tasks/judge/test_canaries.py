from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import JudgeParams
from prefline.config.judge import CanaryParams
from prefline.errors import ParamsError
from prefline.tables.prompts import Prompt
from prefline.verifiers import check, parse_verifier
from tasks.judge.batches import Batches
from tasks.judge.canaries import (
    Canary,
    canary_figures,
    canary_jobs,
    canary_warnings,
    make_canaries,
)
from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import JudgeJob, plan_comparisons
from tests.tasks.judge.material import MODEL, prompt, response

PARAMS = CanaryParams()
JUDGE = {"name": "j", "method": "pairwise", "endpoint": MODEL}


def checked(n: int) -> list[Prompt]:
    """Prompts with a check that names the answer, an exact one or a number."""
    kinds = ({"kind": "exact", "answers": [f"word{at}"]} if at % 2 else
             {"kind": "numeric", "value": at} for at in range(n))  # fmt: skip
    return [replace(prompt(f"Question {at}?", None), verifier=json.dumps(kind))
            for at, kind in enumerate(kinds)]  # fmt: skip


def planted(n: int = 60) -> list[Canary]:
    return make_canaries(checked(n), PARAMS, Path(), 0)


def job(pairs: int, **judge: Any) -> JudgeJob:
    params = JudgeParams.model_validate({"judges": [JUDGE | judge]})
    offered = [Comparison(prompt(f"{at}?", None), response("x", f"{at}a"), response("y", f"{at}b"))
               for at in range(pairs)]  # fmt: skip
    plan = list(plan_comparisons(offered, params.judges[0], JudgeContext()))
    return JudgeJob(params.judges[0], JudgeContext(), plan)


def rows(run: int, right: list[bool], judge: str = "j") -> list[dict[str, Any]]:
    """One verdict on each of these pairs."""
    return [
        {"run": run, "judge": judge, "first_id": f"{at}a", "second_id": f"{at}b", "gold": "first",
         "verdict": "first" if good else "second", "cost_usd": 0.001}
        for at, good in enumerate(right)
    ]  # fmt: skip


def test_the_truth_of_a_canary_is_that_of_its_prompt_s_check() -> None:
    checks = {one.text: one.verifier for one in checked(60)}

    assert len(planted()) == 60
    for canary in planted():
        sides = {"first": canary.comparison.first, "second": canary.comparison.second}
        verifier = parse_verifier(checks[canary.comparison.prompt.text] or "")
        assert {name for name, side in sides.items() if check(verifier, side.text).passed} == {
            canary.truth
        }
    assert {canary.truth for canary in planted()} == {"first", "second"}


def test_judged_examples_are_canaries_too_and_without_any_truth_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "data" / "examples" / "known.jsonl"
    path.parent.mkdir(parents=True)
    lines = [{"prompt": "?", "first": "good", "second": "bad", "verdict": verdict}
             for verdict in ("first", "tie")]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    params = CanaryParams(examples="data/examples/known.jsonl", verified=False)
    (only,) = make_canaries(checked(9), params, tmp_path, 0)

    side = only.comparison.first if only.truth == "first" else only.comparison.second
    assert side.text == "good"
    with pytest.raises(ParamsError, match="no pair of known truth"):
        make_canaries([prompt("?", None)], PARAMS, tmp_path, 0)


@given(pairs=st.integers(1, 80), share=st.floats(0.01, 1), least=st.integers(1, 30))
def test_canaries_are_a_share_of_the_pairs_under_ids_of_their_own(
    pairs: int, share: float, least: int
) -> None:
    params = CanaryParams(share=share, min_pairs=least)
    real = job(pairs)
    (canaries,) = canary_jobs([real], planted(), params, 0)
    ids = {name for one in canaries.plan for name in (one.pair_id, one.first.response_id)}
    of_run = {name for one in real.plan for name in (one.pair_id, one.first.response_id)}

    wanted = max(least, int(np.ceil(share * pairs)))
    assert len({one.pair_id for one in canaries.plan}) == min(wanted, 60)
    assert len(canaries.plan) == 2 * min(wanted, 60), "in both orders, as the judge is asked"
    assert not ids & of_run


def test_a_judge_s_max_pairs_does_not_leave_canaries_out() -> None:
    (canaries,) = canary_jobs([job(50, max_pairs=3)], planted(), PARAMS, 0)

    assert len({one.pair_id for one in canaries.plan}) == 20


def test_each_run_asks_the_same_anew_and_an_interrupted_one_goes_on() -> None:
    def keys(run: int) -> list[str]:
        (canaries,) = canary_jobs([job(9)], planted(), PARAMS, run)
        return [next(task).key for task in canaries.tasks()]

    assert keys(0) == keys(0)
    assert not set(keys(0)) & set(keys(1))
    assert len(set(keys(1))) == len(keys(1)) == 40


def test_a_judge_that_falls_raises_the_alarm_and_a_first_run_cannot() -> None:
    before = rows(0, [True] * 18 + [False] * 2)
    fallen = [*before, *rows(1, [True] * 8 + [False] * 12), *rows(1, [True] * 20, "steady")]
    first = canary_figures(before, 0, 0.01)["j"]
    second = canary_figures(fallen, 1, 0.01)

    assert (first["accuracy"], first["before"], first["fell"]) == (0.9, None, False)
    assert (second["j"]["accuracy"], second["j"]["before"], second["j"]["fell"]) == (0.4, 0.9, True)
    assert second["j"]["cost_usd"] == pytest.approx(0.02)
    assert not second["steady"]["fell"]
    (warning,) = canary_warnings(second)
    assert "j is right on 40% of 20 pairs of planted truth, and was on 90%" in warning


@pytest.mark.parametrize("certain", [True, False], ids=["each pair as before", "by chance"])
def test_a_judge_that_has_not_changed_seldom_raises_the_alarm(*, certain: bool) -> None:
    draw = np.random.default_rng(0)
    alarms = 0
    for _ in range(300):
        chance = draw.beta(4, 1, 30)
        runs = [draw.random(30) < (chance.round() if certain else chance) for _ in range(4)]
        said = [row for run, right in enumerate(runs) for row in rows(run, right.tolist())]
        alarms += canary_figures(said, 3, 0.05)["j"]["fell"]

    assert alarms / 300 <= 0.05


@pytest.mark.parametrize("most", [40, 100])
def test_the_budget_of_adaptive_judging_counts_canaries(most: int) -> None:
    params = JudgeParams.model_validate(
        {"judges": [JUDGE], "adaptive": {"max_calls": most, "calibration_pairs": 100}}
    )
    real = job(100)
    canaries = canary_jobs([real], planted(), PARAMS, 0)
    batches = Batches(params, [real], dict, canaries)
    from prefline.tables import JUDGMENTS

    first = batches.next([JUDGMENTS.empty_table()])
    second = batches.next([JUDGMENTS.empty_table()])

    assert [one.calls for one in first] == [40]
    assert sum(one.calls for one in second) == most - 40
