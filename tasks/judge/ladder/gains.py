"""What further questions about open pairs are worth: labels put right per cost, before asking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prefline.labeling import FittedLabels, expected_error

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
NOBODY = -1
_DIGITS = 9  # of a gain: beyond them machines differ


@dataclass(frozen=True, slots=True)
class Climb:
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
        steps = self.judge.shape[1]
        best = np.zeros(self.judge.shape)
        for start in range(steps):
            lost = self.error[:, start, None] - self.error[:, start + 1 :]
            spent = np.maximum(self.cost[:, start + 1 :] - self.cost[:, start, None], 1e-12)
            best[:, start] = np.max(lost / spent, axis=1)
        best = np.minimum.accumulate(best, axis=1)
        return np.asarray(np.where(self.judge == NOBODY, -1.0, best).round(_DIGITS))

    @property
    def together(self) -> Counts:
        """(n,): how many of the first questions do best together, per cost."""
        rate = (self.error[:, :1] - self.error[:, 1:]) / np.maximum(self.cost[:, 1:], 1e-12)
        rate = np.where(self.judge == NOBODY, -1.0, rate).round(_DIGITS)
        return np.asarray(np.argmax(rate, axis=1) + 1)


@dataclass(frozen=True, slots=True)
class Standing:
    """n pairs: |z| of their labels `deviate` (n,), the answers of each voice `count` (n, V), and
    how many questions of each judge are `left` (n, J)."""

    deviate: Floats
    count: Counts
    left: Counts


def climb(
    prospect: FittedLabels, standing: Standing, voices: list[int], costs: list[float]
) -> Climb:
    """Greedily: next the question that takes most off the margin's variance per cost.

    `voices` are the judges' places in `count`, `costs` what a call of each counts.
    """
    size, steps = len(standing.deviate), int(standing.left.sum(axis=1).max(initial=0))
    count, left = standing.count.copy(), standing.left.copy()
    before = prospect.variance(count)
    found = Climb(
        np.full((size, steps), NOBODY), np.zeros((size, steps + 1)), np.zeros((size, steps + 1))
    )
    found.error[:, 0] = expected_error(standing.deviate, before, before)
    rows = np.arange(size)
    for step in range(steps):
        judge, none_left = _next(prospect, count, left, (voices, costs))
        taken = np.where(none_left, 0, 1)
        np.add.at(count, (rows, np.array(voices)[judge]), taken)
        np.subtract.at(left, (rows, judge), taken)
        found.judge[:, step] = np.where(none_left, NOBODY, judge)
        found.cost[:, step + 1] = found.cost[:, step] + taken * np.array(costs)[judge]
        after = prospect.variance(count)
        found.error[:, step + 1] = expected_error(standing.deviate, before, after)
    return found


def _next(
    prospect: FittedLabels, count: Counts, left: Counts, judges: tuple[list[int], list[float]]
) -> tuple[Counts, NDArray[np.bool_]]:
    """Whom to ask next about each pair, and whether there is nobody left."""
    now = prospect.variance(count)
    worth = np.full(left.shape, -1.0)
    for j, (voice, cost) in enumerate(zip(*judges, strict=True)):
        more = count.copy()
        more[:, voice] += 1
        learnt = (now - prospect.variance(more)) / cost
        worth[:, j] = np.where(left[:, j] > 0, np.maximum(learnt, 0.0), -1.0)
    worth = worth.round(_DIGITS)
    return np.argmax(worth, axis=1), worth.max(axis=1) < 0
