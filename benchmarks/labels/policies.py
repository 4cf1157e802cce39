"""Ways to spend calls on a planted table: each gives the questions that it asked, and in how many
batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.labels.planted import Planted
from prefline.config import AdaptiveParams
from prefline.ids import lot, pair_id
from tasks.judge.adaptive import AdaptivePlan, History, Question, next_batch, tier_of
from tasks.judge.adaptive.selection import fit_answers, open_pairs

Rows = list[dict[str, Any]]
_MANY = 1_000  # batches: as many as it takes


@dataclass(frozen=True, slots=True)
class World:
    """A planted table as what judges would answer to each question; `gold` are the verifier's
    rows, `usd` the price of a call by judge (nothing: all cost 1)."""

    planted: Planted
    answers: Mapping[Question, dict[str, Any]]
    gold: Rows
    usd: Mapping[str, float]

    def plan(self, params: AdaptiveParams, seed: int) -> AdaptivePlan:
        """All questions, the judges in the order of `planted.JUDGES`: the weakest first."""
        by_judge: dict[str, list[Question]] = {}
        for question in self.answers:
            by_judge.setdefault(question.judge, []).append(question)
        tiers = [tier_of(name, of, self.usd.get(name, 0.0)) for name, of in by_judge.items()]
        return AdaptivePlan(tiers, params, seed)

    def cost(self, asked: set[Question]) -> float:
        """Of the questions, in calls or USD."""
        return math.fsum(self.usd.get(question.judge, 1.0) for question in asked)

    def rows(self, asked: set[Question]) -> Rows:
        """What is known once these were asked."""
        return self.gold + [self.answers[question] for question in sorted(asked)]


def world_of(planted: Planted, usd: Mapping[str, float]) -> World:
    """The questions behind the rows of `planted`."""
    answers, gold = {}, []
    for row in planted.rows:
        if row["judge"] == "verifier":
            gold.append(row)
        else:
            first, second = row["first_id"], row["second_id"]
            question = Question(row["judge"], pair_id(first, second), first < second)
            answers[question] = row
    return World(planted, answers, gold, usd)


def adaptive(world: World, params: AdaptiveParams, seed: int) -> tuple[set[Question], int]:
    """Run `tasks.judge.adaptive`."""
    return _in_batches(world, world.plan(params, seed), next_batch)


def cheapest_first(world: World, params: AdaptiveParams, seed: int) -> tuple[set[Question], int]:
    """After the same calibration sample, where the label is open, ask the judges from the cheapest
    to the strongest, one order and then the other."""
    plan = world.plan(_unhurried(params), seed)
    return _in_batches(world, plan, _next_tier)


def strongest_first(world: World, params: AdaptiveParams, seed: int) -> tuple[set[Question], int]:
    """The same from the strongest to the cheapest."""
    plan = world.plan(_unhurried(params), seed)
    return _in_batches(world, replace(plan, tiers=plan.tiers[::-1]), _next_tier)


def random_half(world: World, seed: int) -> set[Question]:
    """Each question with a chance of one half."""
    return {
        answer for answer in world.answers
        if lot("half", seed, answer.judge, answer.pair_id, answer.shown_first) < 0.5
    }  # fmt: skip


def one_order(world: World, seed: int) -> set[Question]:
    """Every judge on every pair, in one order drawn at random."""
    first = {pair: lot("order", seed, pair) < 0.5 for pair in {q.pair_id for q in world.answers}}
    return {answer for answer in world.answers if answer.shown_first == first[answer.pair_id]}


def _unhurried(params: AdaptiveParams) -> AdaptiveParams:
    return params.model_copy(update={"max_batches": _MANY})


def _in_batches(
    world: World,
    plan: AdaptivePlan,
    policy: Callable[[AdaptivePlan, History], list[Question]],
) -> tuple[set[Question], int]:
    asked: set[Question] = set()
    batches, usd = 0, 0.0
    while True:
        rows, lengths = world.rows(asked), world.planted.lengths
        batch = policy(plan, History.of(rows, lengths, frozenset(asked), batches, usd))
        if not batch:
            return asked, batches
        asked.update(batch)
        batches, usd = batches + 1, world.cost(asked) if world.usd else 0.0


def _next_tier(plan: AdaptivePlan, history: History) -> list[Question]:
    if history.batches == 0:
        return next_batch(plan, history)
    model = fit_answers(plan, history)
    assert model is not None
    pairs = open_pairs(plan, history, model)
    ranked = sorted(
        (abs(float(pairs.state.log_odds[row])), next(filter(None, questions))[0])
        for row, questions in enumerate(pairs.left)
    )
    wanted, most = [question for _, question in ranked], plan.params.max_calls
    return wanted if most is None else wanted[: max(most - len(history.asked), 0)]
