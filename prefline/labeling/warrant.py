"""Agreement of labels with those who told the truth of some pairs.

Each anchor is labelled by a fit that did not see it (`held_back_log_odds`). So the share of anchors
on which that label agrees with the truth, among those with p of at least t, estimates the agreement
of all labels with p of at least t, as far as anchors are like other pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import betaincinv

from prefline.stats import Bools, Floats

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_TAIL = 0.025  # on each side of a 95 % interval


@dataclass(frozen=True, slots=True)
class MeasuredAgreement:
    """Of `n` held-back anchors with p of at least `threshold`, the share `agrees` on which the
    label is the truth, with its exact 95 % interval (Clopper and Pearson 1934); None of none."""

    threshold: float
    n: int
    agrees: float | None
    low: float | None
    high: float | None


def agreement_by_threshold(
    p: Floats, right: Bools, thresholds: Sequence[float] = THRESHOLDS
) -> list[MeasuredAgreement]:
    """Return the agreement above each threshold.

    `p` (n,) are the probabilities of held-back anchors' labels, at least 1/2, and `right` (n,)
    tells whether the label is the truth.
    """
    rows = []
    for threshold in thresholds:
        above = p >= threshold
        n, agreeing = int(above.sum()), int(right[above].sum())
        if not n:
            rows.append(MeasuredAgreement(threshold, 0, None, None, None))
            continue
        low, high = _lower_bound(agreeing, n), 1 - _lower_bound(n - agreeing, n)
        rows.append(MeasuredAgreement(threshold, n, agreeing / n, round(low, 6), round(high, 6)))
    return rows


def _lower_bound(right: int, n: int) -> float:
    """Return the share at which `right` of n or more are seen with the chance `_TAIL`."""
    return 0.0 if right == 0 else float(betaincinv(right, n - right + 1, _TAIL))
