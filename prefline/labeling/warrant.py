"""Agreement of labels with those who told the truth of some pairs, and from where on it is enough.

Each anchor is labelled by a fit that did not see it (`held_back_log_odds`). So the share of anchors
on which that label agrees with the truth, among those with p of at least t, estimates the agreement
of all labels with p of at least t, as far as anchors are like other pairs: for certain only where
they were drawn from them at random.

**Threshold.** `warranted_threshold` finds the lowest t above which labels agree in a share of at
least `agreement`, and is wrong with a chance of at most 1 - `confidence`: fixed-sequence testing
(Learn-then-Test: Angelopoulos et al. 2021, arXiv 2110.01052; for LLM judges Trust or Escalate: Jung
et al. 2024, arXiv 2407.18370). "Above t labels agree in less than `agreement`" is tested from the
strictest t on by the exact tail P(Bin(n, agreement) >= k), k of n anchors above t agreeing. What
is refuted is passed on from, the first that is not ends the sequence, and no t is tested twice:
so there is no correction for their number. At the strict end are too few anchors to refute
anything. So the sequence begins at the strictest t at which labels whose p were calibrated would
pass with a chance of 0.8, or with the greatest where it is less; that depends on p alone, and not
on who turned out right, so the test stays exact.

Anchors drawn at random from all pairs, each on its own, are a sample of these pairs whether or not
pairs of one prompt are alike: the statement is about the pairs of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import betainc, betaincinv

from prefline.stats import Bools, Floats

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
TESTED = tuple(round(0.99 - 0.01 * step, 2) for step in range(50))  # 0.99 down to 0.5
_TAIL = 0.025  # on each side of a 95 % interval
_POWER = 0.8
_MOST_ANCHORS = 5_000  # beyond this many more reviews are no advice
_PRIOR_ANCHORS = 4.0  # that the labels' own p count for, where what is missing is foretold


@dataclass(frozen=True, slots=True)
class MeasuredAgreement:
    """The share `agrees` of `n` held-back anchors with p of at least `threshold` on which the
    label is the truth, with its exact 95 % interval (Clopper and Pearson 1934); None of none."""

    threshold: float
    n: int
    agrees: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Standard:
    """The share of labels that must agree with the truth, and how sure that must be."""

    agreement: float = 0.9
    confidence: float = 0.9

    def __str__(self) -> str:
        return f"agree in at least {self.agreement:.4g} (confidence {self.confidence:.4g})"


def measure(right: Bools, threshold: float = 0.5) -> MeasuredAgreement:
    """Return the agreement where `right` (n,) tells whether each label is the truth."""
    n, agreeing = len(right), int(np.sum(right))
    if not n:
        return MeasuredAgreement(threshold, 0, None, None, None)
    low, high = lower_bound(agreeing, n, _TAIL), 1 - lower_bound(n - agreeing, n, _TAIL)
    return MeasuredAgreement(threshold, n, agreeing / n, round(low, 6), round(high, 6))


def agreement_by_threshold(
    p: Floats, right: Bools, thresholds: Sequence[float] = THRESHOLDS
) -> list[MeasuredAgreement]:
    """Return the agreement above each threshold.

    `p` (n,) are the probabilities of held-back anchors' labels, at least 1/2, and `right` (n,)
    tells whether the label is the truth.
    """
    return [measure(right[p >= threshold], threshold) for threshold in thresholds]


def lower_bound(agreeing: int, n: int, tail: float) -> float:
    """Return the share at which `agreeing` of n or more are seen with the chance `tail`."""
    return 0.0 if agreeing == 0 else float(betaincinv(agreeing, n - agreeing + 1, tail))


def warranted_threshold(p: Floats, right: Bools, standard: Standard) -> float | None:
    """Return the lowest threshold above which labels are warranted; None if there is none.

    `p` (n,) are the probabilities of held-back labels of anchors drawn at random, `right` (n,)
    tells whether each is the truth.
    """
    found = None
    for threshold in TESTED[_start(p, standard) :]:
        above = p >= threshold
        n, agreeing = int(above.sum()), int(right[above].sum())
        if binomial_tail(agreeing, n, standard.agreement) > 1 - standard.confidence:
            break
        found = threshold
    return found


def _start(p: Floats, standard: Standard) -> int:
    """Return the place in `TESTED` where testing begins."""
    power = []
    for threshold in TESTED:
        above = p[p >= threshold]
        claimed = float(above.mean()) if len(above) else 0.0
        power.append(_chance_to_pass(len(above), claimed, standard))
        if power[-1] >= _POWER:
            break
    return int(np.argmax(power))


def binomial_tail(agreeing: int, n: int, rate: float) -> float:
    """Return P(Bin(n, rate) >= agreeing)."""
    if agreeing <= 0:
        return 1.0
    return 0.0 if agreeing > n else float(betainc(agreeing, n - agreeing + 1, rate))


def _chance_to_pass(n: int, rate: float, standard: Standard) -> float:
    """Return the chance that n anchors pass the test if labels agree with this rate."""
    return binomial_tail(_fewest_right(n, standard), n, rate)


def _fewest_right(n: int, standard: Standard) -> int:
    """Return how many of n anchors must agree to pass, n + 1 where none are enough."""
    limit, low, high = 1 - standard.confidence, 0, n + 1
    while low < high:
        middle = (low + high) // 2
        if binomial_tail(middle, n, standard.agreement) <= limit:
            high = middle
        else:
            low = middle + 1
    return low


@lru_cache(maxsize=1024)
def anchors_needed(rate: float, standard: Standard) -> int | None:
    """Return how many anchors pass with a chance of `_POWER` if labels agree with this rate.

    The fewest of those that pass, each more by a twentieth than the one before; None where that
    is not within reach.
    """
    if rate <= standard.agreement:
        return None
    n = 1
    while n <= _MOST_ANCHORS:
        if _chance_to_pass(n, rate, standard) >= _POWER:
            return n
        n += 1 + n // 20
    return None


def missing_anchors(
    p: Floats, right: Bools, claimed: Floats, standard: Standard
) -> tuple[float, int] | None:
    """Return (threshold, further anchors drawn at random) that will probably warrant most labels.

    `p`, `right` (n,) are the anchors that there are, `claimed` (N,) the probabilities of all
    labels. At each threshold the rate is foretold from the anchors and, as `_PRIOR_ANCHORS`
    of them, from what labels claim. Of thresholds within reach that with the fewest reviews is
    returned; None if none is.
    """
    best: tuple[float, int] | None = None
    for threshold in TESTED:
        labels, above = claimed[claimed >= threshold], p >= threshold
        if not len(labels):
            continue
        seen = float(right[above].sum()) + _PRIOR_ANCHORS * float(labels.mean())
        rate = round(seen / (int(above.sum()) + _PRIOR_ANCHORS), 3)
        wanted = anchors_needed(rate, standard)
        if wanted is None:
            continue
        share = len(labels) / len(claimed)
        more = max(1, int(np.ceil(max(wanted - int(above.sum()), 1) / share)))
        if best is None or more < best[1]:
            best = threshold, more
    return best
