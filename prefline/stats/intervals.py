"""Figures with their uncertainty: bootstrap intervals by prompt."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_RESAMPLES = 1_000
_LOW, _HIGH = 2.5, 97.5  # percentiles of a 95 % interval


@dataclass(frozen=True, slots=True)
class Figure:
    """A share or mean with its 95 % interval; all None where there is nothing to measure.

    `n` counts what it was measured on.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def ratio(
    numerators: ArrayLike, denominators: ArrayLike, groups: ArrayLike, *, seed: int = 0
) -> Figure:
    """sum(numerators) / sum(denominators) with a percentile bootstrap interval by group.

    The three arrays have one entry per observation (shape `(n,)`); observations of one
    group (a prompt) stand or fall together, since they are not independent (cluster
    bootstrap: Cameron, Gelbach and Miller, 2008). 1,000 resamples, reproducible by `seed`.

    A share of 0 or 1 has no spread to resample: its far end is then that of the exact
    interval for as many successes or failures as there are groups (Clopper and Pearson,
    1934): for g groups 1 - 0.025^(1/g) away.
    """
    top = np.asarray(numerators, dtype=float)
    bottom = np.asarray(denominators, dtype=float)
    if top.size == 0 or bottom.sum() == 0:
        return Figure(None, None, None, 0)
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    count = int(codes.max()) + 1
    top_by_group = np.bincount(codes, weights=top, minlength=count)
    bottom_by_group = np.bincount(codes, weights=bottom, minlength=count)
    draws = np.random.default_rng(seed).multinomial(
        count, np.full(count, 1 / count), size=_RESAMPLES
    )
    tops, bottoms = draws @ top_by_group, draws @ bottom_by_group
    values = tops[bottoms > 0] / bottoms[bottoms > 0]
    low, high = np.percentile(values, [_LOW, _HIGH])
    value = float(top.sum() / bottom.sum())
    if value in (0.0, 1.0):
        reach = 1 - (_LOW / 100) ** (1 / np.count_nonzero(bottom_by_group))
        low, high = max(0.0, value - reach), min(1.0, value + reach)
    return Figure(value, float(low), float(high), int(bottom.sum()))
