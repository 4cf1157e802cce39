"""Prediction-powered inference: the mean of what few rows were measured on, over a whole table.

PPI++ (Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453). With y measured on n rows drawn at
random, predictions f of them and of the N others, the mean of y over all is estimated by

    lambda mean(f of the N) + mean(y - lambda f of the n)

for any lambda without bias, whatever the predictions are worth; the lambda in [0, 1] of the least
variance, cov(y, f) / ((1 + n / N) var(f)), makes the interval never wider than that of the n rows
alone, and narrower as far as predictions tell something.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from prefline.stats import Floats
from prefline.stats.bootstrap import NOTHING, Figure

_LEVEL = 0.95
_FEWEST = 2  # rows, from which a variance can be told


def prediction_powered_mean(
    measured: Floats, predicted: Floats, rest: Floats, level: float = _LEVEL
) -> Figure:
    """Return the mean over a table of which `measured` (n,) was drawn, with a normal interval.

    `predicted` (n,) are the predictions of the measured rows, `rest` (N,) those of the others.
    """
    n, others = len(measured), len(rest)
    if n == 0:
        return NOTHING
    tuning = _tuning(measured, predicted, rest) if others and n >= _FEWEST else 0.0
    beyond = measured - tuning * predicted
    value = float(np.mean(beyond)) + (tuning * float(np.mean(rest)) if tuning else 0.0)
    if n < _FEWEST:
        return Figure(value, None, None, n)
    variance = float(np.var(beyond)) / n
    variance += tuning**2 * float(np.var(rest)) / others if tuning else 0.0
    reach = NormalDist().inv_cdf(0.5 + level / 2) * variance**0.5
    return Figure(value, value - reach, value + reach, n)


def _tuning(measured: Floats, predicted: Floats, rest: Floats) -> float:
    """Return lambda, within [0, 1]."""
    variance = float(np.var(np.r_[predicted, rest], ddof=1))
    if variance <= 0:
        return 0.0
    covariance = float(np.mean((measured - measured.mean()) * (predicted - predicted.mean())))
    return min(1.0, max(0.0, covariance / ((1 + len(measured) / len(rest)) * variance)))
