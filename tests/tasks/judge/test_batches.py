from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from prefline.config import Endpoint, JudgeParams, Prices
from prefline.errors import ParamsError
from prefline.ids import content_id, lot
from prefline.tables import JUDGMENTS, table_from_rows
from tasks.judge.batches import Batches
from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import JudgeJob, plan_comparisons
from tests.tasks.judge.material import MODEL, prompt, response

SHARPNESS = {"weak": 0.6, "good": 2.0}
PRICED = Endpoint(base_url="http://host/v1", model="m", prices=Prices(input=1, output=1))
USD = 0.0001  # that each answer costs here


def params_with(adaptive: dict[str, Any] | None, endpoint: Endpoint = MODEL) -> JudgeParams:
    judges = [{"name": name, "method": "pairwise", "endpoint": endpoint} for name in SHARPNESS]
    judges.append({"name": "list", "method": "listwise", "endpoint": endpoint})
    return JudgeParams.model_validate({"judges": judges, "adaptive": adaptive})


def offered() -> list[Comparison]:
    made = []
    for number in range(150):
        of = prompt(f"Question {number}?", None)
        answers = [response(f"{number} {sample}", f"{number} {sample}") for sample in range(3)]
        made += [Comparison(of, *two) for two in combinations(answers, 2)]
    return made


def batches_of(params: JudgeParams) -> Batches:
    pairs = offered()
    asked = [
        JudgeJob(one, JudgeContext(), list(plan_comparisons(pairs, one, JudgeContext())))
        for one in params.judges
    ]
    return Batches(params, asked, dict)


def answer(one: JudgeJob) -> pa.Table:
    """What a judge of planted sharpness says; the same whenever it is asked."""
    rows = []
    for comparison in one.plan if one.is_adaptive else []:
        sides = (comparison.first.response_id, comparison.second.response_id)
        noise = lot("noise", one.judge.name, *sides)
        gap = quality(sides[0]) - quality(sides[1])
        feeling = SHARPNESS[one.judge.name] * gap + math.log(noise / (1 - noise))
        rows.append({
            "judgment_id": content_id(one.judge.name, *sides), "first_id": sides[0],
            "second_id": sides[1], "prompt_id": comparison.prompt.prompt_id,
            "judge": one.judge.name, "method": "pairwise", "cost_usd": USD, "request_key": "k",
            "verdict": "first" if feeling > 0 else "second",
            "p_first": 1 / (1 + math.exp(-feeling)),
        })  # fmt: skip
    return table_from_rows(rows, JUDGMENTS)


def quality(response_id: str) -> float:
    return NormalDist().inv_cdf(min(max(lot("quality", response_id), 1e-6), 1 - 1e-6))


def run(batches: Batches) -> list[list[JudgeJob]]:
    """Return every batch, each answered before the next is asked for."""
    tables, found = [JUDGMENTS.empty_table()], []
    while batch := batches.next(tables):
        found.append(batch)
        tables += [answer(one) for one in batch]
        assert len(found) < 50
    return found


def asked_in(found: list[list[JudgeJob]], name: str) -> list[tuple[str, str]]:
    return [
        (c.first.response_id, c.second.response_id)
        for batch in found for one in batch if one.judge.name == name for c in one.plan
    ]  # fmt: skip


def test_without_adaptive_judging_everything_is_asked_at_once() -> None:
    found = run(batches_of(params_with(None)))

    assert len(found) == 1
    assert len(asked_in(found, "weak")) == len(asked_in(found, "good")) == 2 * 450


def test_adaptive_judging_asks_less_never_twice_and_first_those_that_it_cannot_steer() -> None:
    found = run(batches_of(params_with({"calibration_pairs": 60})))
    questions = {name: asked_in(found, name) for name in SHARPNESS}

    assert [one.judge.name for one in found[0]] == ["list"]
    assert sum(map(len, questions.values())) < 0.8 * 4 * 450
    for asked in questions.values():
        assert len(set(asked)) == len(asked)
    assert 2 < len(found) <= 7


@pytest.mark.parametrize("most", [0, 137, 700])
def test_a_budget_of_calls_is_never_passed(most: int) -> None:
    found = run(batches_of(params_with({"calibration_pairs": 60, "max_calls": 300 + most})))

    assert sum(len(asked_in(found, name)) for name in SHARPNESS) <= most


def test_a_budget_of_dollars_is_never_passed_and_what_answers_saved_is_spent() -> None:
    adaptive = {"calibration_pairs": 60, "max_usd": 0.12, "min_gain": 0.0}
    found = run(batches_of(params_with(adaptive, PRICED)))
    spent = USD * sum(len(asked_in(found, name)) for name in SHARPNESS)

    assert 0.01 < spent <= 0.12


def test_pairs_are_left_to_people_where_params_price_their_answers() -> None:
    params = {"calibration_pairs": 60, "max_batches": 2, "max_usd": 0.12}
    left = {}
    for usd in (None, 0.001):
        batches = batches_of(params_with(params | {"human_usd": usd}, PRICED))
        tables = [JUDGMENTS.empty_table()]
        while batch := batches.next(tables):
            tables += [answer(one) for one in batch]
        left[usd] = batches.for_people(tables)

    assert left[None] == []
    assert 0 < len(left[0.001]) <= 0.12 / 0.001
    assert set(left[0.001]) <= {one.pair_id for one in offered()}


@pytest.mark.parametrize(
    "budget", [{"max_calls": 299}, {"max_usd": 0.0001}], ids=["calls", "dollars"]
)
def test_judges_that_cannot_be_steered_are_refused_beyond_its_budget(
    budget: dict[str, float],
) -> None:
    params = params_with({"calibration_pairs": 60} | budget, PRICED)

    with pytest.raises(ParamsError, match=r"list.*300 calls"):
        batches_of(params)


def test_a_reference_counts_towards_the_most_that_a_question_can_cost() -> None:
    judge = {"name": "r", "method": "reference", "endpoint": PRICED}
    params = JudgeParams.model_validate({"judges": [judge], "adaptive": {"max_usd": 0.05}})
    short = replace(prompt("long " * 400, None), reference="x")
    long = replace(prompt("short", None), reference="y" * 30_000)
    plan = [
        Comparison(of, response(f"{of.reference[:1]} one"), response(f"{of.reference[:1]} two"))
        for of in (short, long)
    ]
    batch = Batches(params, [JudgeJob(params.judges[0], JudgeContext(), plan)], dict)

    assert batch.next([JUDGMENTS.empty_table()]) != []
    usd = 32_000 / 3 / 1e6  # the long one's characters by the least that a token holds
    tight = params.model_copy(
        update={"adaptive": params.adaptive.model_copy(update={"max_usd": usd / 2})}
    )  # type: ignore[union-attr]
    assert (
        Batches(tight, [JudgeJob(params.judges[0], JudgeContext(), plan)], dict).next(
            [JUDGMENTS.empty_table()]
        )
        == []
    )


def test_the_order_in_which_answers_came_makes_no_difference() -> None:
    params = params_with({"calibration_pairs": 60})
    one, other = batches_of(params), batches_of(params)
    tables, draw = [JUDGMENTS.empty_table()], np.random.default_rng(0)
    for _ in range(3):
        batch = one.next(tables)
        shuffled = [t.take(draw.permutation(t.num_rows)) for t in tables]
        assert other.next(shuffled) == batch
        tables += [answer(asked) for asked in batch]
