"""Whether one round is better than another: a test on paired outcomes by prompt.

The test is the sign-flip permutation test (Fisher 1935, The Design of Experiments, section 21) of
the mean difference. If two policies are alike on a prompt, its difference is as likely to be d as
-d; so all ways to flip the signs are equally likely, and the test holds its level exactly at any
number of prompts, whatever the distribution of outcomes, with many ties among them. A percentile
bootstrap does not at 20 to 50 prompts, which is what people hold out. Samples of one prompt are
not independent: they are averaged before, and the prompt is the unit, as in a cluster bootstrap.
The statistic is divided by its standard error, which makes the test hold its level also, with
enough prompts, where a policy is better on some prompts and worse on others (Janssen 1997,
Statistics & Probability Letters 36).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

_EXACT = 12  # prompts up to which all flips are tried: 4,096
_FLIPS = 3_999  # drawn beyond that; with the one observed 4,000, so that levels come out even
_NORMAL = 1_000  # prompts beyond which the mean's distribution is normal for all that can be seen
_LEAST = 2


@dataclass(frozen=True, slots=True)
class Gain:
    """A mean difference by prompt with its interval; `n` prompts that both have.

    All but `n` are None without at least two prompts.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def better(self) -> bool:
        """Above zero beyond noise."""
        return self.low is not None and self.low > 0

    @property
    def worse(self) -> bool:
        """Below zero beyond noise."""
        return self.high is not None and self.high < 0


def gain(before: Mapping[str, float], after: Mapping[str, float], confidence: float) -> Gain:
    """The mean of `after` - `before` over the prompts that both have, by prompt.

    The interval is two-sided at `confidence`: mean -+ q standard errors, q being the quantile
    of |t| over all flips of signs. So it excludes zero exactly where the sign-flip test rejects:
    of two rounds that are alike, the later comes out `better` in at most (1 - confidence) / 2.
    The order of prompts does not matter, and the same outcomes always give the same interval.
    """
    shared = sorted(before.keys() & after.keys())
    return mean_gain(np.array([after[one] - before[one] for one in shared]), confidence)


def mean_gain(differences: Floats, confidence: float) -> Gain:
    """As `gain`, of differences of shape `(prompts,)`."""
    n = len(differences)
    if n < _LEAST:
        return Gain(None, None, None, n)
    # Rounding must not make a difference of what are equal outcomes.
    differences = np.round(differences, 12)
    value = float(differences.mean())
    reach = _reach(differences, confidence)
    # Where the test just fails to reject, rounding must not decide.
    if math.isclose(reach, abs(value), rel_tol=1e-9):
        reach = abs(value)
    return Gain(value, value - reach, value + reach, n)


def _reach(differences: Floats, confidence: float) -> float:
    """Half the width of the interval."""
    n = len(differences)
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    if n > _NORMAL:
        return NormalDist().inv_cdf((1 + confidence) / 2) * error
    means = np.abs(_flips(n) @ differences) / n
    spread = np.sqrt(np.maximum((differences @ differences) / n - means**2, 0) / (n - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = _quantile(np.nan_to_num(means / spread, nan=0.0), confidence) * error
    # Where all differences are of one size, t has no finite quantile or no error to multiply;
    # since t grows with the mean over flips, the mean itself gives the same test.
    return reach if 0 < reach < math.inf else _quantile(means, confidence)


def _quantile(statistics: Floats, confidence: float) -> float:
    """The least of `statistics` that at most a share of 1 - confidence of them exceeds."""
    rank = math.ceil(round(confidence * len(statistics), 9))
    return float(np.sort(statistics)[rank - 1])


@lru_cache(maxsize=4)
def _flips(n: int) -> Floats:
    """Signs of shape `(flips, n)`, the observed ones (all +1) first."""
    if n <= _EXACT:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    else:
        bits = np.random.default_rng(n).integers(0, 2, size=(_FLIPS + 1, n), dtype=np.int8)
        bits[0] = 0
    return 1.0 - 2.0 * bits
