"""What speaks for or against rounds: gold outcomes first, the held-out judge beside or instead."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.improve.gain import Gain, gain, mean_gain
from tasks.improve.record import Round

Measure = Literal["gold", "held_out_judge"]
Outcomes = Mapping[str, float]
_LEAST = 2  # prompts, below which a measure says nothing


@dataclass(frozen=True, slots=True)
class Evidence:
    """Later rounds, taken together, against one: `gain` by `measure`.

    Pass rates on held-out prompts where all of them have some in common; else wins above even.
    """

    gain: Gain
    measure: Measure


def compare(since: Sequence[Round], confidence: float) -> Evidence:
    """The rounds after the first of `since`, taken together, against the first.

    `since` are consecutive rounds. Outcomes of a prompt are averaged over the later rounds: the
    mean of m rounds has 1 / m of one round's noise, and the luck of one round's training is
    averaged out too.
    """
    passes = _passes(since, confidence)
    if passes.n < _LEAST:
        return Evidence(mean_gain(_won(since), confidence), "held_out_judge")
    return Evidence(passes, "gold")


def sound(since: Sequence[Round], confidence: float) -> Sequence[Round]:
    """`since` without rounds between its ends whose pass rate is below the first's beyond noise.

    A training that went wrong says nothing of one that went well afterwards. Wins are each
    against the round before, so without pass rates none can be left out.
    """
    first, between = since[0], since[1:-1]
    if len(since[-1].held_out.keys() & first.held_out.keys()) < _LEAST:
        return since
    kept = [one for one in between if not gain(first.held_out, one.held_out, confidence).worse]
    return [first, *kept, since[-1]]


def worse(since: Sequence[Round], confidence: float) -> bool:
    """Whether the rounds after the first of `since`, taken together, are worse than it.

    Either measure may say so, at a level that is shared between them where both are there
    (Bonferroni).
    """
    won = _won(since)
    measured = (_passes(since, confidence).n >= _LEAST) + (len(won) >= _LEAST)
    level = 1 - (1 - confidence) / max(measured, 1)
    return _passes(since, level).worse or mean_gain(won, level).worse


def _passes(since: Sequence[Round], confidence: float) -> Gain:
    return gain(since[0].held_out, pooled([one.held_out for one in since[1:]]), confidence)


def lags_behind_reward(
    rounds: Sequence[Round], since: Sequence[Round], confidence: float
) -> Gain | None:
    """How far the training reward rose after the best round, the first of `since`, if what it
    stands for did not follow; None if it did, or if there is no rise beyond noise.

    What a rise of the reward is worth is taken from the rounds up to the best one: so many
    passes for each unit. Gold lags if it is below that beyond noise, prompt by prompt. Without
    gold, or a gain in both to take the rate from, any rise of the reward counts.
    """
    best, first = since[0], rounds[0]
    reward = pooled([one.proxy for one in since[1:]])
    rise = gain(best.proxy, reward, confidence)
    if not rise.better:
        return None
    passes = pooled([one.held_out for one in since[1:]])
    earned = gain(first.held_out, best.held_out, confidence).value
    paid = gain(first.proxy, best.proxy, confidence).value
    if not (earned and paid and earned > 0 and paid > 0):
        return rise
    rate = earned / paid
    promised = {one: rate * (reward[one] - best.proxy[one]) for one in reward.keys() & best.proxy}
    kept = {one: passes[one] - best.held_out[one] for one in passes.keys() & best.held_out}
    return rise if gain(promised, kept, confidence).worse else None


def pooled(outcomes: Sequence[Outcomes]) -> dict[str, float]:
    """The mean over rounds of each prompt's outcome, for the prompts that all of them have."""
    if not outcomes:
        return {}
    shared = set(outcomes[0]).intersection(*outcomes[1:])
    return {one: sum(round_[one] for round_ in outcomes) / len(outcomes) for one in shared}


def _won(since: Sequence[Round]) -> NDArray[np.floating[Any]]:
    """How far later rounds are above the first by prompt, shape `(prompts,)`: each has won against
    the one before it, so its wins above even are added up on the way, then averaged."""
    steps = [one.wins for one in since[1:]]
    shared = sorted(set(steps[0]).intersection(*steps[1:])) if steps else []
    ways = [list(itertools.accumulate(step[one] - 0.5 for step in steps)) for one in shared]
    return np.array([sum(way) / len(way) for way in ways])
