from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.labels.planted import Setting, plant
from benchmarks.labels.policies import World, world_of
from prefline.config import LadderParams
from prefline.labeling import fit_labels, gather_evidence
from tasks.judge.comparisons import Comparison
from tasks.judge.ladder import History, Ladder, Question, next_wave, questions_of, rung_of
from tests.tasks.judge.material import comparison

PRICES = {"weak": 0.001, "fair": 0.0, "good": 0.01}
SMALL = LadderParams(pilot_pairs=15)


@functools.cache
def world(
    prompts: int = 12, gold: float = 0.0, *, both: bool = True, priced: bool = False
) -> World:
    planted = plant(Setting("", prompts=prompts, gold=gold, both=both), 3)
    return world_of(planted, PRICES if priced else {})


def history(of: World, waves: Sequence[Sequence[Question]], seed: int | None = None) -> History:
    """What is known after these waves; `seed` shuffles the rows and the pairs."""
    asked = {question for wave in waves for question in wave}
    rows = of.rows(asked)
    if seed is not None:
        random.Random(seed).shuffle(rows)
    evidence = gather_evidence(rows, of.planted.lengths)
    if seed is not None:
        random.Random(seed).shuffle(evidence)
    return History(evidence, frozenset(asked), len(waves), of.cost(asked) if of.usd else 0.0)


def climbed(of: World, params: LadderParams, seed: int = 0) -> list[list[Question]]:
    """All waves."""
    ladder, waves = of.ladder(params, seed), list[list[Question]]()
    while wave := next_wave(ladder, history(of, waves)):
        waves.append(wave)
    return waves


@functools.cache
def with_gold() -> list[list[Question]]:
    return climbed(world(gold=0.2), SMALL)


def flat(waves: list[list[Question]]) -> list[Question]:
    return [question for wave in waves for question in wave]


@settings(max_examples=12, deadline=None)
@given(
    calls=st.integers(0, 500),
    usd=st.floats(0, 1.2),
    waves=st.integers(1, 6),
    seed=st.integers(0, 9),
)
def test_no_budget_is_ever_passed_and_nothing_is_asked_twice(
    calls: int, usd: float, waves: int, seed: int
) -> None:
    of = world(priced=True)
    params = LadderParams(
        pilot_pairs=15, max_calls=calls, max_usd=usd, max_waves=waves, min_gain=0, stop_at=1
    )
    asked = flat(found := climbed(of, params, seed))

    assert len(found) <= waves
    assert len(asked) <= calls
    assert of.cost(set(asked)) <= usd + 1e-9
    assert len(set(asked)) == len(asked)
    assert set(asked) <= set(of.answers)


def test_a_budget_of_calls_that_is_too_small_is_spent_to_the_last() -> None:
    asked = flat(climbed(world(), LadderParams(pilot_pairs=15, max_calls=201, min_gain=0)))

    assert len(asked) == 201


def test_a_question_of_several_calls_counts_as_many() -> None:
    of = world()
    whole = of.ladder(LadderParams(pilot_pairs=15, max_calls=200, min_gain=0), 0)
    rungs = [replace(whole.rungs[0], calls=7), *whole.rungs[1:]]
    pilot = next_wave(replace(whole, rungs=rungs), history(of, []))
    calls = sum(7 if question.judge == whole.rungs[0].judge else 1 for question in pilot)

    assert 200 - 7 < calls <= 200
    assert Ladder(rungs, SMALL).costs == [pytest.approx(7 / 3), *[pytest.approx(1 / 3)] * 2]


@settings(max_examples=8, deadline=None)
@given(shuffle=st.integers(0, 1_000), wave=st.integers(0, 3))
def test_the_order_of_rows_pairs_and_questions_makes_no_difference(shuffle: int, wave: int) -> None:
    of, waves = world(gold=0.2), with_gold()[:wave]
    ladder = of.ladder(SMALL, 0)
    mixed = random.Random(shuffle)
    rungs = [
        replace(
            rung,
            askable=dict(mixed.sample(sorted(rung.askable.items()), len(rung.askable))),
        )
        for rung in ladder.rungs
    ]
    assert next_wave(replace(ladder, rungs=rungs), history(of, waves, shuffle)) == with_gold()[wave]


@pytest.mark.parametrize("both", [True, False], ids=["both orders", "one order"])
def test_everything_is_asked_where_nothing_may_be_left_open(*, both: bool) -> None:
    params = LadderParams(pilot_pairs=15, stop_at=1, min_gain=0)

    assert set(flat(climbed(world(both=both), params))) == set(world(both=both).answers)


def test_after_the_pilot_closed_pairs_are_left_alone() -> None:
    of, params = world(30, gold=0.3), LadderParams(pilot_pairs=30, stop_at=0.9)
    waves = climbed(of, params)

    assert len(waves) > 2
    for number, wave in enumerate(waves[1:], start=1):
        known = sorted(history(of, waves[:number]).evidence, key=lambda one: one.pair_id)
        prospect = fit_labels(known)
        assert prospect is not None
        p_chosen = 1 / (1 + np.exp(-np.abs(prospect.log_odds)))
        closed = {
            one.pair_id
            for one, p in zip(known, p_chosen, strict=True)
            if one.verified or p >= params.stop_at
        }
        assert closed
        assert not closed & {question.pair_id for question in wave}


def test_the_pilot_asks_every_judge_in_full_about_pairs_that_are_drawn() -> None:
    of = world(30, gold=0.3)
    (pilot, *_) = climbed(of, LadderParams(pilot_pairs=20, gold_share=0.5))
    verified = {one.pair_id for one in gather_evidence(of.gold)}
    pairs = {question.pair_id for question in pilot}

    assert (len(pairs), len(pairs & verified), len(pilot)) == (20, 10, 20 * 6)
    other = next_wave(of.ladder(LadderParams(pilot_pairs=20), 1), history(of, []))
    assert {question.pair_id for question in other} != pairs


def test_a_judge_that_speaks_of_few_pairs_is_met_there_by_the_others() -> None:
    of = world()
    whole = of.ladder(LadderParams(pilot_pairs=5), 0)
    rare = sorted(whole.rungs[2].askable)[:7]
    few = rung_of(
        "good", [Question("good", pair, order) for pair in rare for order in (True, False)]
    )
    pilot = next_wave(replace(whole, rungs=[*whole.rungs[:2], few]), history(of, []))
    asked_of = {
        judge: {one.pair_id for one in pilot if one.judge == judge} for judge in ("weak", "good")
    }

    assert len(asked_of["good"]) >= 5
    assert asked_of["good"] <= asked_of["weak"]


def test_a_question_that_got_no_answer_is_not_asked_again() -> None:
    of, params = world(), LadderParams(pilot_pairs=15, stop_at=1, min_gain=0)
    ladder = of.ladder(params, 0)
    pilot = next_wave(ladder, history(of, []))
    known = history(of, [pilot])
    unanswered = frozenset(next_wave(ladder, known))

    later = next_wave(ladder, replace(known, asked=known.asked | unanswered, waves=2))

    assert later
    assert not unanswered & set(later)


def test_the_best_judge_is_asked_first_and_a_dear_one_only_where_it_is_worth_it() -> None:
    of = world(100)
    ladder = of.ladder(LadderParams(pilot_pairs=100), 0)
    known = history(of, [next_wave(ladder, history(of, []))])
    dear = [replace(rung, usd={"good": 0.5}.get(rung.judge, 0.005)) for rung in ladder.rungs]

    unspoken = {question.judge for question in next_wave(ladder, known)}
    spared = [question.judge for question in next_wave(replace(ladder, rungs=dear), known)]

    assert "good" in unspoken
    assert spared
    assert "good" not in spared


def test_the_same_labels_cost_less_than_half_of_the_calls() -> None:
    of = world(300)
    asked = set(flat(climbed(of, LadderParams())))
    accuracy = {
        name: _accuracy(of, questions)
        for name, questions in {"all": set(of.answers), "adaptive": asked}.items()
    }

    assert len(asked) <= len(of.answers) / 2
    assert accuracy["adaptive"] >= accuracy["all"] - 0.01  # two standard errors of the difference


def test_without_an_answer_in_the_pilot_nothing_more_is_asked() -> None:
    of = world()
    ladder = of.ladder(SMALL, 0)
    pilot = next_wave(ladder, history(of, []))

    assert next_wave(ladder, History([], frozenset(pilot), 1)) == []


def test_comparisons_and_questions_are_told_apart_by_who_is_seen_first() -> None:
    one: Comparison = comparison()
    questions = questions_of("small", [one, one.swapped()])
    rung = rung_of("small", questions)

    assert list(questions.values()) == [one, one.swapped()]
    assert {question.shown_first for question in questions} == {True, False}
    assert {pair: set(orders) for pair, orders in rung.askable.items()} == {
        one.pair_id: {True, False}
    }


def test_costs_are_relative_and_no_call_is_free() -> None:
    rungs = [rung_of(name, [], usd) for name, usd in PRICES.items()]
    free = [rung_of(name, []) for name in PRICES]

    assert Ladder(free, SMALL).costs == [1.0, 1.0, 1.0]
    costs = Ladder(rungs, SMALL).costs
    assert costs[2] == pytest.approx(10 * costs[0])
    assert 0 < costs[1] < costs[0]


def _accuracy(of: World, asked: set[Question]) -> float:
    evidence = gather_evidence(of.rows(asked), of.planted.lengths)
    prospect = fit_labels(evidence)
    assert prospect is not None
    right = [
        of.planted.better[one.lower, one.upper] == (one.lower if odds > 0 else one.upper)
        for one, odds in zip(evidence, prospect.log_odds, strict=True)
    ]
    return sum(right) / len(of.planted.better)
