from __future__ import annotations

import functools
import math
import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.labels.measure import label_rows
from benchmarks.labels.planted import Setting, plant
from benchmarks.labels.policies import World, world_of
from prefline.config import AdaptiveParams
from prefline.labeling import gather_evidence
from tasks.judge.adaptive import (
    AdaptivePlan,
    History,
    Question,
    left_to_people,
    next_batch,
    questions_of,
    tier_of,
)
from tasks.judge.adaptive.selection import fit_answers
from tasks.judge.comparisons import Comparison
from tests.tasks.judge.material import comparison

PRICES = {"weak": 0.001, "fair": 0.0, "good": 0.01}
SMALL = AdaptiveParams(calibration_pairs=15)


@functools.cache
def world(
    prompts: int = 12, gold: float = 0.0, *, both: bool = True, priced: bool = False
) -> World:
    planted = plant(Setting("", prompts=prompts, gold=gold, both=both), 3)
    return world_of(planted, PRICES if priced else {})


def history(of: World, batches: Sequence[Sequence[Question]], seed: int | None = None) -> History:
    """What is known after these batches; `seed` shuffles the rows."""
    asked = {question for batch in batches for question in batch}
    rows = of.rows(asked)
    if seed is not None:
        random.Random(seed).shuffle(rows)
    usd = of.cost(asked) if of.usd else 0.0
    return History.of(rows, of.planted.lengths, frozenset(asked), len(batches), usd)


def run(of: World, params: AdaptiveParams, seed: int = 0) -> list[list[Question]]:
    """Return all batches."""
    plan, batches = of.plan(params, seed), list[list[Question]]()
    while batch := next_batch(plan, history(of, batches)):
        batches.append(batch)
    return batches


@functools.cache
def with_gold() -> list[list[Question]]:
    return run(world(gold=0.2), SMALL)


def flat(batches: list[list[Question]]) -> list[Question]:
    return [question for batch in batches for question in batch]


@settings(max_examples=8, deadline=None)
@given(
    calls=st.integers(0, 500),
    usd=st.floats(0, 1.2),
    batches=st.integers(1, 6),
    seed=st.integers(0, 9),
)
def test_no_budget_is_ever_passed_and_nothing_is_asked_twice(
    calls: int, usd: float, batches: int, seed: int
) -> None:
    of = world(priced=True)
    params = AdaptiveParams(
        calibration_pairs=15,
        max_calls=calls,
        max_usd=usd,
        max_batches=batches,
        min_gain=0,
        stop_at=1,
    )
    asked = flat(found := run(of, params, seed))

    assert len(found) <= batches
    assert len(asked) <= calls
    assert of.cost(set(asked)) <= usd + 1e-9
    assert len(set(asked)) == len(asked)
    assert set(asked) <= set(of.answers)


def test_a_budget_of_calls_that_is_too_small_is_spent_to_the_last() -> None:
    asked = flat(run(world(), AdaptiveParams(calibration_pairs=15, max_calls=201, min_gain=0)))

    assert len(asked) == 201


def test_a_question_of_several_calls_counts_as_many() -> None:
    of = world()
    whole = of.plan(AdaptiveParams(calibration_pairs=15, max_calls=200, min_gain=0), 0)
    tiers = [replace(whole.tiers[0], calls=7), *whole.tiers[1:]]
    sample = next_batch(replace(whole, tiers=tiers), history(of, []))
    calls = sum(7 if question.judge == whole.tiers[0].judge else 1 for question in sample)

    assert 200 - 7 < calls <= 200
    assert AdaptivePlan(tiers, SMALL).costs == [pytest.approx(7 / 3), *[pytest.approx(1 / 3)] * 2]


@settings(max_examples=8, deadline=None)
@given(shuffle=st.integers(0, 1_000), batch=st.integers(0, 3))
def test_the_order_of_rows_pairs_and_questions_makes_no_difference(
    shuffle: int, batch: int
) -> None:
    of, batches = world(gold=0.2), with_gold()[:batch]
    plan = of.plan(SMALL, 0)
    mixed = random.Random(shuffle)
    tiers = [
        replace(
            tier,
            askable=dict(mixed.sample(sorted(tier.askable.items()), len(tier.askable))),
        )
        for tier in plan.tiers
    ]
    assert (
        next_batch(replace(plan, tiers=tiers), history(of, batches, shuffle)) == with_gold()[batch]
    )


@pytest.mark.parametrize("both", [True, False], ids=["both orders", "one order"])
def test_everything_is_asked_where_nothing_may_be_left_open(*, both: bool) -> None:
    params = AdaptiveParams(calibration_pairs=15, stop_at=1, min_gain=0)

    assert set(flat(run(world(both=both), params))) == set(world(both=both).answers)


def test_after_the_calibration_sample_closed_pairs_are_left_alone() -> None:
    of, params = world(30, gold=0.3), AdaptiveParams(calibration_pairs=30, stop_at=0.9)
    batches = run(of, params)

    assert len(batches) > 2
    for number, batch in enumerate(batches[1:], start=1):
        state = history(of, batches[:number])
        known = state.evidence
        model = fit_answers(of.plan(params, 0), state)
        assert model is not None
        p_chosen = 1 / (1 + np.exp(-np.abs(model.log_odds)))
        closed = {
            one.pair_id
            for one, p in zip(known, p_chosen, strict=True)
            if one.verified or p >= params.stop_at
        }
        assert closed
        assert not closed & {question.pair_id for question in batch}


def test_the_calibration_sample_asks_every_judge_in_full_about_pairs_that_are_drawn() -> None:
    of = world(30, gold=0.3)
    (sample, *_) = run(of, AdaptiveParams(calibration_pairs=20, gold_share=0.5))
    verified = {one.pair_id for one in gather_evidence(of.gold)}
    pairs = {question.pair_id for question in sample}

    assert (len(pairs), len(pairs & verified), len(sample)) == (20, 10, 20 * 6)
    other = next_batch(of.plan(AdaptiveParams(calibration_pairs=20), 1), history(of, []))
    assert {question.pair_id for question in other} != pairs


def test_a_judge_that_speaks_of_few_pairs_is_met_there_by_the_others() -> None:
    of = world()
    whole = of.plan(AdaptiveParams(calibration_pairs=5), 0)
    rare = sorted(whole.tiers[2].askable)[:7]
    few = tier_of(
        "good", [Question("good", pair, order) for pair in rare for order in (True, False)]
    )
    sample = next_batch(replace(whole, tiers=[*whole.tiers[:2], few]), history(of, []))
    asked_of = {
        judge: {one.pair_id for one in sample if one.judge == judge} for judge in ("weak", "good")
    }

    assert len(asked_of["good"]) >= 5
    assert asked_of["good"] <= asked_of["weak"]


def test_a_question_that_got_no_answer_is_not_asked_again() -> None:
    of, params = world(), AdaptiveParams(calibration_pairs=15, stop_at=1, min_gain=0)
    plan = of.plan(params, 0)
    sample = next_batch(plan, history(of, []))
    known = history(of, [sample])
    unanswered = frozenset(next_batch(plan, known))

    later = next_batch(plan, replace(known, asked=known.asked | unanswered, batches=2))

    assert later
    assert not unanswered & set(later)


def test_the_best_judge_is_asked_first_and_a_dear_one_only_where_it_is_worth_it() -> None:
    of = world(100)
    plan = of.plan(AdaptiveParams(calibration_pairs=100), 0)
    known = history(of, [next_batch(plan, history(of, []))])
    dear = [replace(tier, usd={"good": 0.5}.get(tier.judge, 0.005)) for tier in plan.tiers]

    unspoken = {question.judge for question in next_batch(plan, known)}
    spared = [question.judge for question in next_batch(replace(plan, tiers=dear), known)]

    assert "good" in unspoken
    assert spared
    assert "good" not in spared


def test_the_same_labels_cost_far_fewer_calls() -> None:
    of = world(300)
    asked = set(flat(run(of, AdaptiveParams())))
    accuracy = {
        name: _accuracy(of, questions)
        for name, questions in {"all": set(of.answers), "adaptive": asked}.items()
    }

    assert len(asked) <= 0.6 * len(of.answers)
    assert accuracy["adaptive"] >= accuracy["all"] - 0.01  # two standard errors of the difference


def with_people(of: World, usd: float | None, **params: float) -> AdaptivePlan:
    plan = of.plan(AdaptiveParams(calibration_pairs=15, human_usd=usd, **params), 0)
    prices = PRICES | {"fair": 0.003}  # a judge for nothing is always worth its price
    return replace(plan, tiers=[replace(tier, usd=prices[tier.judge]) for tier in plan.tiers])


def test_a_person_is_asked_where_an_answer_promises_more_per_dollar_than_any_judge() -> None:
    of = world()
    sample = next_batch(with_people(of, None), history(of, []))
    known = history(of, [sample])
    cheap, dear, none = (with_people(of, usd) for usd in (0.0001, 100.0, None))

    assert len(next_batch(cheap, known)) < len(next_batch(none, known))
    assert left_to_people(none, known) == left_to_people(dear, known) == []
    assert next_batch(dear, known) == next_batch(none, known) != []
    model = fit_answers(cheap, known)
    assert model is not None
    p = dict(zip((one.pair_id for one in known.evidence), np.abs(model.log_odds), strict=True))
    left = left_to_people(cheap, known)
    assert len(set(left)) == len(left) > 0
    odds = [p.get(pair, 0.0) for pair in left]
    assert odds == sorted(odds), "the least sure come first"
    assert max(odds) < math.log(0.95 / 0.05)


def test_people_and_judges_share_one_budget() -> None:
    of, budget = world(priced=True), 0.4
    plan = with_people(of, 0.004, max_usd=budget)
    batches = list[list[Question]]()
    while batch := next_batch(plan, history(of, batches)):
        batches.append(batch)
    state = history(of, batches)
    left = left_to_people(plan, state)

    assert left
    assert state.usd + 0.004 * len(left) <= budget + 1e-9


def test_without_an_answer_in_the_calibration_sample_nothing_more_is_asked() -> None:
    of = world()
    plan = of.plan(SMALL, 0)
    sample = next_batch(plan, history(of, []))

    assert next_batch(plan, History.of([], {}, frozenset(sample), 1)) == []


def test_comparisons_and_questions_are_told_apart_by_who_is_seen_first() -> None:
    one: Comparison = comparison()
    questions = questions_of("small", [one, one.swapped()])
    tier = tier_of("small", questions)

    assert list(questions.values()) == [one, one.swapped()]
    assert {question.shown_first for question in questions} == {True, False}
    assert {pair: set(orders) for pair, orders in tier.askable.items()} == {
        one.pair_id: {True, False}
    }


def test_costs_are_relative_and_no_call_is_free() -> None:
    tiers = [tier_of(name, [], usd) for name, usd in PRICES.items()]
    free = [tier_of(name, []) for name in PRICES]

    assert AdaptivePlan(free, SMALL).costs == [1.0, 1.0, 1.0]
    costs = AdaptivePlan(tiers, SMALL).costs
    assert costs[2] == pytest.approx(10 * costs[0])
    assert 0 < costs[1] < costs[0]


def _accuracy(of: World, asked: set[Question]) -> float:
    chances = label_rows(of.rows(asked), of.planted.lengths)[1]
    right = [
        of.planted.better[pair] == pair[0 if chance > 0.5 else 1]
        for pair, chance in chances.items()
    ]
    return sum(right) / len(of.planted.better)
