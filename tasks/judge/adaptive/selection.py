"""Whom to ask what next: the questions that are expected to put most labels right per cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prefline.ids import content_hash
from prefline.labeling import Evidence
from tasks.judge.adaptive.questions import (
    AdaptivePlan,
    History,
    Question,
    Tier,
    calibration_questions,
)

if TYPE_CHECKING:
    from prefline.labeling import FittedLabels

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
NOBODY = -1
_DIGITS = 9  # of a gain: beyond them machines differ
_LEAST_COST = 1e-12


def next_batch(plan: AdaptivePlan, history: History) -> list[Question]:
    """Return the questions to ask at once; none where judging is at its end.

    First the calibration sample. Then every question that could be asked about an open pair,
    whatever the answers, is ranked by the labels that it promises to put right per cost, and those
    that are worth it and within the budget are marked. Of these each batch asks about a pair only
    what does best together, since its answers may make the rest needless; the last one asks all.
    So a budget that is too small for all is not gone before the pairs that need most have
    shown themselves.
    """
    if history.batches >= plan.params.max_batches:
        return []
    if history.batches == 0:
        verified = {pair.pair_id for pair in history.evidence if pair.verified}
        wanted = calibration_questions(plan, verified)
        asked = frozenset(history.asked)
        return _affordable(
            plan, history, (question for question in wanted if question not in asked)
        )
    ranked, now = _ranked(plan, history)
    affordable = _affordable(plan, history, ranked)
    if history.batches == plan.params.max_batches - 1:
        return affordable
    return [question for question in affordable if question in now]


@dataclass(frozen=True, slots=True)
class PairState:
    """Of n open pairs: |z| of their labels `deviate` (n,), the answers of each annotator `count`
    (n, V), and how many questions of each judge are `left` (n, J)."""

    deviate: Floats
    count: Counts
    left: Counts


@dataclass(frozen=True, slots=True)
class OpenPairs:
    """`left` holds for each of n pairs, in the order of their ids, and each of J `judges` the
    questions that were not asked yet; `state` holds the same in numbers."""

    judges: list[str]
    left: list[list[list[Question]]]
    state: PairState


@dataclass(frozen=True, slots=True)
class QuestionRanking:
    """The questions that could still be asked about n pairs, best first.

    `judge` (n, K) is the place of the judge of each, `NOBODY` after the last; `error` (n, K + 1)
    the expected chance of a wrong label before and after each, `cost` (n, K + 1) what was spent
    by then.
    """

    judge: Counts
    error: Floats
    cost: Floats

    @property
    def gain(self) -> Floats:
        """(n, K): what each question promises per cost, at its best together with any that come
        after it. Two answers can be worth more than twice one, where one alone cannot turn the
        label; a question after a worse one is not worth more than that one is."""
        best = np.zeros(self.judge.shape)
        for start in range(self.judge.shape[1]):
            error = self.error[:, start, None] - self.error[:, start + 1 :]
            cost = self.cost[:, start + 1 :] - self.cost[:, start, None]
            best[:, start] = np.max(error / np.maximum(cost, _LEAST_COST), axis=1)
        best = np.minimum.accumulate(best, axis=1)
        return np.asarray(np.where(self.judge == NOBODY, -1.0, best).round(_DIGITS))

    @property
    def together(self) -> Counts:
        """(n,): how many of the first questions do best together, per cost."""
        rate = (self.error[:, :1] - self.error[:, 1:]) / np.maximum(self.cost[:, 1:], _LEAST_COST)
        rate = np.where(self.judge == NOBODY, -1.0, rate).round(_DIGITS)
        return np.asarray(np.argmax(rate, axis=1) + 1)


def open_pairs(
    plan: AdaptivePlan, history: History, evidence: Sequence[Evidence], fitted: FittedLabels
) -> OpenPairs:
    """Return the pairs that neither a verifier nor the judges have decided, and about which a judge
    that has answered before could be asked. `evidence` is what `fitted` was fitted to."""
    tiers = [tier for tier in plan.tiers if tier.judge in fitted.annotator_of]
    row_of = {pair.pair_id: row for row, pair in enumerate(evidence)}
    closed = _closed(evidence, fitted, plan.params.stop_at)
    asked = frozenset(history.asked)
    rows, left = [], []
    for pair in plan.pair_ids:
        questions = [_left(tier, pair, asked, plan.seed) for tier in tiers]
        if pair not in closed and any(questions):
            rows.append(row_of.get(pair, len(evidence)))
            left.append(questions)
    state = PairState(
        # A pair that nobody has spoken of stands at 0, with no answers.
        np.append(fitted.deviate, 0.0)[rows],
        np.vstack([fitted.count, np.zeros_like(fitted.count[:1])])[rows],
        np.array([[len(of_judge) for of_judge in of_pair] for of_pair in left], dtype=np.int64),
    )
    return OpenPairs([tier.judge for tier in tiers], left, state)


def rank_questions(
    fitted: FittedLabels, state: PairState, annotators: list[int], costs: list[float]
) -> QuestionRanking:
    """Rank greedily: next the question that takes most off the log-odds' variance per cost.

    `annotators` are the judges' places in `state.count`, `costs` what a call of each counts.
    """
    from prefline.labeling import expected_error

    size, steps = len(state.deviate), int(state.left.sum(axis=1).max(initial=0))
    count, left = state.count.copy(), state.left.copy()
    before = fitted.variance(count)
    ranking = QuestionRanking(
        np.full((size, steps), NOBODY), np.zeros((size, steps + 1)), np.zeros((size, steps + 1))
    )
    ranking.error[:, 0] = expected_error(state.deviate, before, before)
    rows = np.arange(size)
    for step in range(steps):
        judge, none_left = _best_judge(fitted, count, left, annotators, costs)
        taken = np.where(none_left, 0, 1)
        np.add.at(count, (rows, np.array(annotators)[judge]), taken)
        np.subtract.at(left, (rows, judge), taken)
        ranking.judge[:, step] = np.where(none_left, NOBODY, judge)
        ranking.cost[:, step + 1] = ranking.cost[:, step] + taken * np.array(costs)[judge]
        after = fitted.variance(count)
        ranking.error[:, step + 1] = expected_error(state.deviate, before, after)
    return ranking


def _best_judge(
    fitted: FittedLabels, count: Counts, left: Counts, annotators: list[int], costs: list[float]
) -> tuple[Counts, NDArray[np.bool_]]:
    """Return (n,) whom to ask next about each pair, and (n,) whether there is nobody left."""
    now = fitted.variance(count)
    gain = np.full(left.shape, -1.0)
    for j, (annotator, cost) in enumerate(zip(annotators, costs, strict=True)):
        more = count.copy()
        more[:, annotator] += 1
        per_cost = (now - fitted.variance(more)) / cost
        gain[:, j] = np.where(left[:, j] > 0, np.maximum(per_cost, 0.0), -1.0)
    gain = gain.round(_DIGITS)
    return np.argmax(gain, axis=1), gain.max(axis=1) < 0


def _affordable(plan: AdaptivePlan, history: History, wanted: Iterable[Question]) -> list[Question]:
    """Return the first of `wanted` that the budget has room for, each at its highest price."""
    affordable = list[Question]()
    price = {tier.judge: (tier.calls, tier.usd) for tier in plan.tiers}
    most_calls, most_usd = _limit(plan.params.max_calls), _limit(plan.params.max_usd)
    calls = sum(price[question.judge][0] for question in history.asked)
    usd = history.usd
    for question in wanted:
        calls, usd = calls + price[question.judge][0], usd + price[question.judge][1]
        if calls > most_calls or usd > most_usd:
            break
        affordable.append(question)
    return affordable


def _limit(most: float | None) -> float:
    return math.inf if most is None else most


def _ranked(plan: AdaptivePlan, history: History) -> tuple[list[Question], set[Question]]:
    """Return every further question that is worth its cost, the most promising first, and those of
    them to ask now."""
    # Here, since SciPy takes a second, and most runs judge everything at once.
    from prefline.labeling import fit_labels

    evidence = sorted(history.evidence, key=lambda pair: pair.pair_id)
    fitted = fit_labels(evidence)
    if fitted is None:
        return [], set()
    pairs = open_pairs(plan, history, evidence, fitted)
    if not pairs.left:
        return [], set()
    cost = {tier.judge: cost for tier, cost in zip(plan.tiers, plan.costs, strict=True)}
    annotators = [fitted.annotator_of[judge] for judge in pairs.judges]
    ranking = rank_questions(
        fitted, pairs.state, annotators, [cost[judge] for judge in pairs.judges]
    )
    in_order = _in_order(pairs, ranking.judge.tolist())
    ranked = sorted(
        (-gain, draw_key, step, questions[step])
        for questions, gains in zip(in_order, ranking.gain.tolist(), strict=True)
        for draw_key in [content_hash(questions[0].pair_id)]  # among those that promise as much
        for step, gain in enumerate(gains[: len(questions)])
        if gain >= plan.params.min_gain
    )
    now = {
        question
        for questions, first in zip(in_order, ranking.together.tolist(), strict=True)
        for question in questions[:first]
    }
    return [question for *_, question in ranked], now


def _in_order(pairs: OpenPairs, judges: list[list[int]]) -> list[list[Question]]:
    """Return the questions about each pair in the order of their ranking."""
    ordered = []
    for questions, order in zip(pairs.left, judges, strict=True):
        waiting = [iter(of_judge) for of_judge in questions]
        ordered.append([next(waiting[judge]) for judge in order if judge != NOBODY])
    return ordered


def _closed(evidence: Sequence[Evidence], fitted: FittedLabels, stop_at: float) -> set[str]:
    p_wrong = 1 / (1 + np.exp(np.abs(fitted.log_odds)))
    return {
        pair.pair_id
        for pair, p in zip(evidence, p_wrong.tolist(), strict=True)
        if pair.verified or p <= 1 - stop_at
    }


def _left(tier: Tier, pair: str, asked: frozenset[Question], seed: int) -> list[Question]:
    """Return what a judge was not asked yet, in an order drawn by hash."""
    orders = sorted(tier.askable.get(pair, ()))
    if len(orders) > 1 and int(content_hash([seed, tier.judge, pair])[-1], 16) % 2:
        orders.reverse()
    every = (Question(tier.judge, pair, order) for order in orders)
    return [question for question in every if question not in asked]
