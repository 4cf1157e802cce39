"""The next questions and their judges: those expected to put most labels right per cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prefline.ids import content_hash
from tasks.judge.adaptive.questions import (
    PERSON,
    AdaptivePlan,
    History,
    Question,
    Tier,
    calibration_questions,
)

if TYPE_CHECKING:
    from prefline.labeling import AnswerModel, Evidence

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
NOBODY = -1
_DIGITS = 9  # of a gain: beyond them machines differ
_LEAST_COST = 1e-12


def next_batch(plan: AdaptivePlan, history: History) -> list[Question]:
    """Return the questions to ask judges at once; none where judging is at its end.

    First the calibration sample. Then every question that could be asked about an open pair,
    whatever the answers, is ranked by the labels that it promises to put right per cost, and those
    that are worth it and within the budget are marked; what is kept for people is not spent. Of
    these each batch asks about a pair only what does best together, since its answers may make the
    rest needless; the last one asks all. So a budget that is too small for all is not gone before
    the pairs that need most have shown themselves.
    """
    if history.batches >= plan.params.max_batches:
        return []
    if history.batches == 0:
        wanted = calibration_questions(plan, _verified(history))
        asked = frozenset(history.asked)
        return _affordable(
            plan, history, (question for question in wanted if question not in asked)
        )
    ranked, now = _ranked(plan, history)
    affordable = [
        question for question in _affordable(plan, history, ranked) if question.judge != PERSON
    ]
    if history.batches == plan.params.max_batches - 1:
        return affordable
    return [question for question in affordable if question in now]


def left_to_people(plan: AdaptivePlan, history: History) -> list[str]:
    """Return the ids of the pairs on which a person's answer is the best use of what is left of
    the budget, the most promising first; none where params name no price of it."""
    if plan.params.human_usd is None:
        return []
    ranked, _ = _ranked(plan, history, judges_are_done=True)
    return [question.pair_id for question in _affordable(plan, history, ranked)]


@dataclass(frozen=True, slots=True)
class PairState:
    """The state of n open pairs: the `log_odds` of their labels (n,), the answers of each annotator
    `count` (n, V), and the number of questions of each judge that are `left` (n, J)."""

    log_odds: Floats
    count: Counts
    left: Counts


@dataclass(frozen=True, slots=True)
class OpenPairs:
    """`pair_ids` are those of n pairs, in their order; `left` holds for each of them and each of J
    `judges` the questions that were not asked yet; `state` holds the same in numbers."""

    judges: list[str]
    pair_ids: list[str]
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
        if not self.judge.shape[1]:
            return np.zeros(len(self.judge), dtype=np.int64)
        rate = (self.error[:, :1] - self.error[:, 1:]) / np.maximum(self.cost[:, 1:], _LEAST_COST)
        rate = np.where(self.judge == NOBODY, -1.0, rate).round(_DIGITS)
        return np.asarray(np.argmax(rate, axis=1) + 1)


def fit_answers(plan: AdaptivePlan, history: History) -> AnswerModel | None:
    """Return what further answers are worth, by the answers so far; None where no judge has
    answered."""
    # Here, since SciPy takes a second, and most runs judge everything at once.
    from prefline.labeling import model_answers

    sample = {each.pair_id for each in calibration_questions(plan, _verified(history))}
    evidence = history.evidence
    return model_answers(
        history.votes, np.array([pair.pair_id in sample for pair in evidence], dtype=bool)
    )


def open_pairs(
    plan: AdaptivePlan,
    history: History,
    model: AnswerModel,
    *,
    judges_are_done: bool = False,
) -> OpenPairs:
    """Return the pairs that neither a verifier nor the judges have decided, and about which a judge
    that has answered before could be asked, or a person.

    Where `judges_are_done`, no question of theirs is left.
    """
    evidence = history.evidence
    tiers = [tier for tier in plan.tiers if tier.judge in model.annotator_of]
    row_of = {pair.pair_id: row for row, pair in enumerate(evidence)}
    closed = _closed(evidence, model, plan.params.stop_at)
    asked = frozenset(history.asked)
    people = plan.params.human_usd is not None
    rows, names, left = [], [], []
    for pair in plan.pair_ids:
        if pair in closed:
            continue
        questions = [
            [] if judges_are_done else _left(tier, pair, asked, plan.seed) for tier in tiers
        ]
        if people or any(questions):
            rows.append(row_of.get(pair, len(evidence)))
            names.append(pair)
            left.append(questions)
    state = PairState(
        # A pair that nobody has spoken of stands at 0, with no answers.
        np.append(model.log_odds, 0.0)[rows],
        np.vstack([model.count, np.zeros_like(model.count[:1])])[rows],
        np.array([[len(of_judge) for of_judge in of_pair] for of_pair in left], dtype=np.int64),
    )
    return OpenPairs([tier.judge for tier in tiers], names, left, state)


def rank_questions(
    model: AnswerModel, state: PairState, annotators: list[int], costs: list[float]
) -> QuestionRanking:
    """Rank greedily: next the question that takes most off the margin's variance per cost.

    `annotators` are the judges' places in `state.count`, `costs` what a call of each counts. What
    answers add does not depend on what was answered, so pairs with the same questions have the
    same order.
    """
    from prefline.labeling import expected_error

    n_annotators = state.count.shape[1]
    patterns, place = np.unique(np.hstack([state.count, state.left]), axis=0, return_inverse=True)
    steps = int(state.left.sum(axis=1).max(initial=0))
    judge = np.full((len(patterns), steps), NOBODY)
    cost, variance = np.zeros((2, len(patterns), steps + 1))
    count, left = patterns[:, :n_annotators].copy(), patterns[:, n_annotators:].copy()
    variance[:, 0] = model.variance(count)
    rows = np.arange(len(patterns))
    for step in range(steps):
        best, none_left = _best_judge(model, count, left, annotators, costs)
        taken = np.where(none_left, 0, 1)
        np.add.at(count, (rows, np.array(annotators)[best]), taken)
        np.subtract.at(left, (rows, best), taken)
        judge[:, step] = np.where(none_left, NOBODY, best)
        cost[:, step + 1] = cost[:, step] + taken * np.array(costs)[best]
        variance[:, step + 1] = np.minimum(variance[:, step], model.variance(count))
    place = place.ravel()
    variance = variance[place]
    error = expected_error(state.log_odds[:, None], variance[:, :1], variance)
    return QuestionRanking(judge[place], error, cost[place])


def _best_judge(
    model: AnswerModel, count: Counts, left: Counts, annotators: list[int], costs: list[float]
) -> tuple[Counts, NDArray[np.bool_]]:
    """Return (n,) whom to ask next about each pair, and (n,) whether there is nobody left."""
    now = model.variance(count)
    gain = np.full(left.shape, -1.0)
    for j, (annotator, cost) in enumerate(zip(annotators, costs, strict=True)):
        more = count.copy()
        more[:, annotator] += 1
        per_cost = (now - model.variance(more)) / cost
        gain[:, j] = np.where(left[:, j] > 0, np.maximum(per_cost, 0.0), -1.0)
    gain = gain.round(_DIGITS)
    return np.argmax(gain, axis=1), gain.max(axis=1) < 0


def _affordable(plan: AdaptivePlan, history: History, wanted: Iterable[Question]) -> list[Question]:
    """Return the first of `wanted` that the budget has room for, each at its highest price."""
    affordable = list[Question]()
    price = {tier.judge: (tier.calls, tier.usd) for tier in plan.tiers}
    price[PERSON] = (0, plan.params.human_usd or 0.0)
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


def _ranked(
    plan: AdaptivePlan, history: History, *, judges_are_done: bool = False
) -> tuple[list[Question], set[Question]]:
    """Return every further question that is worth its cost, the most promising first, and those of
    them to ask now.

    A pair on which a person promises more per cost than any questions to judges has that one alone.
    """
    model = fit_answers(plan, history)
    if model is None:
        return [], set()
    pairs = open_pairs(plan, history, model, judges_are_done=judges_are_done)
    if not pairs.left:
        return [], set()
    cost = {tier.judge: cost for tier, cost in zip(plan.tiers, plan.costs, strict=True)}
    annotators = [model.annotator_of[judge] for judge in pairs.judges]
    ranking = rank_questions(
        model, pairs.state, annotators, [cost[judge] for judge in pairs.judges]
    )
    in_order, gains = _in_order(pairs, ranking.judge.tolist()), ranking.gain.tolist()
    together = ranking.together.tolist()
    for row, gain in enumerate(_gains_by_person(plan, pairs.state.log_odds)):
        if gain > 0 and gain >= max(gains[row], default=0.0):
            in_order[row] = [Question(PERSON, pairs.pair_ids[row], True)]
            gains[row] = [gain]
    ranked = sorted(
        (-gain, draw_key, step, questions[step])
        for questions, of_pair, pair in zip(in_order, gains, pairs.pair_ids, strict=True)
        for draw_key in [content_hash(pair)]  # among those that promise as much
        for step, gain in enumerate(of_pair[: len(questions)])
        if gain >= plan.params.min_gain
    )
    now = {
        question
        for questions, first in zip(in_order, together, strict=True)
        for question in questions[:first]
    }
    return [question for *_, question in ranked], now


def _gains_by_person(plan: AdaptivePlan, log_odds: Floats) -> list[float]:
    """Return what a person's answer promises per cost, of each label."""
    if plan.params.human_usd is None:
        return [0.0] * len(log_odds)
    from prefline.labeling import expected_error_by_person

    now = 1 / (1 + np.exp(np.abs(log_odds)))
    ahead = expected_error_by_person(log_odds, plan.params.human_accuracy)
    gains: list[float] = ((now - ahead) / plan.person_cost).round(_DIGITS).tolist()
    return gains


def _in_order(pairs: OpenPairs, judges: list[list[int]]) -> list[list[Question]]:
    """Return the questions about each pair in the order of their ranking."""
    ordered = []
    for questions, order in zip(pairs.left, judges, strict=True):
        waiting = [iter(of_judge) for of_judge in questions]
        ordered.append([next(waiting[judge]) for judge in order if judge != NOBODY])
    return ordered


def _verified(history: History) -> set[str]:
    return {pair.pair_id for pair in history.evidence if pair.verified}


def _closed(evidence: Sequence[Evidence], model: AnswerModel, stop_at: float) -> set[str]:
    p_wrong = 1 / (1 + np.exp(np.abs(model.log_odds)))
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
