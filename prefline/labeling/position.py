"""What a voice's words are once its liking for the first place is taken off them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
_ROUNDS = 5
_TINY = 1e-9
_DIGITS = 10  # to which sums over all words are kept: beyond them machines differ


@dataclass(frozen=True, slots=True)
class Position:
    """`freed` (n,) is each word's log-odds for the lower id without the position bias.

    `bias` is that bias in log-odds for what is shown first, `bias_se` its standard error, and
    `order_variance` what a second look in another order varies by. A hard voice's `bias` is in
    standard deviations of its latent feeling, `attenuation` is what of a unit of this feeling
    is left in `freed` (a soft voice: 1), and `both` says whether any pair was seen twice.
    """

    freed: Floats
    bias: float
    bias_se: float
    order_variance: float
    both: bool
    attenuation: float = 1.0


def soft_position(pairs: NDArray[np.int64], side: Floats, value: Floats) -> Position:
    """From log-odds `value` (n,) for the lower id, shown on `side` (n,), of `pairs` (n,).

    value = g_pair + side * b + e, with g ~ N(0, G) and e ~ N(0, v): since what is lower is
    arbitrary, g has mean zero. b is the generalised least-squares estimate with a N(0, 1)
    prior: with m words on a pair that sum to S over `side` and Y over `value`, the inverse of
    the covariance v I + G 1 1' is (I - k 1 1') / v with k = G / (v + m G), so the precision of
    b is sum(m - k S^2) / v and its gradient sum(sum(side * value) - k S Y) / v. Both orders of
    a pair share g, so they tell b without any help from other pairs; single orders tell it
    because qualities cancel on average. G and v are the moments of what remains, in turns.
    """
    _, group = np.unique(pairs, return_inverse=True)
    count = np.bincount(group)
    sides = np.bincount(group, weights=side)
    bias, precision = 0.0, 1.0
    for _ in range(_ROUNDS):
        within, between = _variances(group, count, value - bias * side)
        noise = max(within, _TINY)
        k = between / (noise + count * between)
        values = np.bincount(group, weights=value)
        precision = 1.0 + float(np.sum(count - k * sides**2)) / noise
        bias = float(np.sum(side * value) - np.sum(k * sides * values)) / noise / precision
    bias = round(bias, _DIGITS)
    within, _ = _variances(group, count, value - bias * side)
    both = bool(np.any(count > 1))
    bias_se = round(precision**-0.5, _DIGITS)
    return Position(value - bias * side, bias, bias_se, round(within, _DIGITS), both)


def no_position(pairs: NDArray[np.int64], side: Floats, value: Floats) -> Position:
    """Of a voice that sees no order: log-odds `value` (n,) as they are."""
    del side
    _, group = np.unique(pairs, return_inverse=True)
    count = np.bincount(group)
    within, _ = _variances(group, count, value)
    return Position(value, 0.0, 0.0, round(within, _DIGITS), bool(np.any(count > 1)))


def hard_position(pairs: NDArray[np.int64], side: Floats, value: Floats) -> Position:
    """From verdicts `value` (n,) of +1, -1 or 0 for the lower id, otherwise as `soft_position`.

    The voice feels g + b + noise for what it sees first, normal with total variance 1, says
    "first" above a threshold t, "second" below -t, and "tie" between. The shares of the three
    (half a word added to each side) give t and b: with the cuts c1 = ndtri(share of second) and
    c2 = ndtri(1 - share of first), b = -(c1 + c2) / 2. A verdict becomes the mean of the
    standard normal between its cuts (normal scores), in a unit in which an unbiased voice's
    verdicts are +1 and -1. For any x that is jointly normal with the feeling f, the score's
    covariance with x is A cov(f, x), A the variance of the score (Brillinger 1982): so A is
    the attenuation of every linear effect.
    """
    toward = value * side
    first, second = np.sum(toward > 0) + 0.5, np.sum(toward < 0) + 0.5
    tie = np.sum(toward == 0)
    shares = np.array([second, tie, first]) / (first + second + tie)
    cuts = ndtri(np.array([shares[0], 1 - shares[2]]))
    edges = np.array([0.0, *np.exp(-(cuts**2) / 2) / math.sqrt(2 * math.pi), 0.0])
    scores = -np.diff(edges) / np.where(shares > 0, shares, 1.0)
    variance = float(np.sum(shares * scores**2))
    unit = math.sqrt(math.pi / 2)
    freed = unit * scores.round(_DIGITS)[toward.astype(np.int64) + 1] * side
    bias_se = math.sqrt(float(np.sum(_cut_variances(shares, edges[1:3]))) / 4 / len(value))
    _, group = np.unique(pairs, return_inverse=True)
    count = np.bincount(group)
    within, _ = _variances(group, count, freed)
    both = bool(np.any(count > 1))
    bias = round(-float(np.sum(cuts)) / 2, _DIGITS)
    left = round(variance * unit, _DIGITS)
    return Position(freed, bias, round(bias_se, _DIGITS), round(within, _DIGITS), both, left)


def _cut_variances(shares: Floats, density: Floats) -> Floats:
    """Of the two cuts, per verdict, each share being binomial; no covariance: an upper bound
    is got by doubling, since the two are positively related."""
    below = np.array([shares[0], 1 - shares[2]])
    return np.asarray(2 * below * (1 - below) / density**2)


def _variances(
    group: NDArray[np.int64], count: NDArray[np.int64], rest: Floats
) -> tuple[float, float]:
    """Variance within a pair (0 where no pair was seen twice) and between pairs, as moments."""
    mean = np.bincount(group, weights=rest) / count
    twice = int(np.sum(count - 1))
    within = float(np.sum((rest - mean[group]) ** 2)) / twice if twice else 0.0
    between = float(np.mean(mean**2) - within * np.mean(1 / count))
    return within, max(between, 0.0)
