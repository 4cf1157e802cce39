"""How much each model judge's word is worth, learnt from the pairs that a verifier decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prefline.intervals import Figure, ratio
from tasks.pair.evidence import VERIFIER, Evidence, Saying

_ENOUGH_GOLD = 30
_NEWTON_STEPS = 50


@dataclass(frozen=True, slots=True)
class Calibration:
    """A judge's `slope` (what one unit of its log-odds is worth) and `position_bias`
    (log-odds by which it favours what it sees first). The pairs that a verifier decided
    taught the slope; with too few of them it stays 1 and `fitted` is False. `accuracy` is the
    share of these pairs on which the judge, its position bias taken off, is right."""

    slope: float
    position_bias: float
    fitted: bool
    accuracy: Figure

    def log_odds(self, sayings: Sequence[Saying]) -> float:
        """Calibrated log-odds that the lower id is better, from a judge's verdicts on a pair."""
        return self.slope * raw_log_odds(sayings, self.position_bias)


def raw_log_odds(sayings: Sequence[Saying], position_bias: float) -> float:
    """Mean log-odds over the orders, the position bias taken off each."""
    freed = [
        saying.log_odds - (position_bias if saying.shown_first else -position_bias)
        for saying in sayings
    ]
    return sum(freed) / len(freed)


def calibrate(evidence: Iterable[Evidence]) -> dict[str, Calibration]:
    """The calibration of every model judge.

    The position bias is the mean, over all verdicts, of the log-odds for what was shown
    first: over pairs shown in both orders, or in an order drawn at random, the qualities
    cancel. The slope a is the maximum a posteriori of a logistic regression through the
    origin (Platt 1999, without its intercept, since a pair's direction is arbitrary):
    P(lower is better) = 1 / (1 + exp(-a x)), with a standard normal prior on a, and a >= 0:
    a judge that does worse than chance is worth nothing, not its opposite.
    """
    evidence = list(evidence)
    judges = sorted({s.judge for one in evidence for s in one.sayings if s.method != VERIFIER})
    return {judge: _calibrate_judge(judge, evidence) for judge in judges}


def _calibrate_judge(judge: str, evidence: list[Evidence]) -> Calibration:
    said = [(one, sayings) for one in evidence if (sayings := one.of(judge))]
    toward_first = [
        saying.log_odds if saying.shown_first else -saying.log_odds
        for _, sayings in said
        for saying in sayings
    ]
    bias = float(np.mean(toward_first))
    gold = [
        (raw_log_odds(sayings, bias), one.verified, one.prompt_id)
        for one, sayings in said
        if one.verified
    ]
    x = np.array([value for value, _, _ in gold])
    y = np.array([right for _, right, _ in gold], dtype=float)
    accuracy = ratio(x * y > 0, np.ones(len(gold)), [prompt for _, _, prompt in gold])
    if len(gold) < _ENOUGH_GOLD:
        return Calibration(1.0, bias, fitted=False, accuracy=accuracy)
    return Calibration(fit_slope(x, y), bias, fitted=True, accuracy=accuracy)


def fit_slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The slope for log-odds `x` (shape `(n,)`) and outcomes `y` in {-1, +1}, by Newton's
    method on the concave log-posterior sum(log sigmoid(a x y)) - a^2 / 2."""
    slope, xy = 0.0, x * y
    for _ in range(_NEWTON_STEPS):
        wrong = 1 / (1 + np.exp(slope * xy))
        gradient = float(np.sum(xy * wrong)) - slope
        curvature = float(np.sum(xy**2 * wrong * (1 - wrong))) + 1.0
        slope += gradient / curvature
    return max(0.0, slope)
