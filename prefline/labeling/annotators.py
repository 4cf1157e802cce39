"""Every annotator's votes as arrays, its position bias taken off.

An annotator is one judge with one method and one way of answering: with a probability (soft) or
with a bare verdict (hard). Each pair is seen from its lower id; `side` is +1 where the annotator
saw the lower id first and -1 where it saw it second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from prefline.config.judge import METHODS
from prefline.labeling.evidence import Evidence
from prefline.stats import Floats, Ints
from prefline.tables.gold import VERIFIER

_ROUNDS = 5
_TINY = 1e-9
_DIGITS = 10  # to which sums over all votes are kept: beyond them machines differ


@dataclass(frozen=True, slots=True, order=True)
class Annotator:
    """A judge, its method, and whether it gives bare verdicts."""

    judge: str
    method: str
    hard: bool


@dataclass(frozen=True, slots=True)
class PositionEffect:
    """An annotator's position bias, and its votes without it.

    `corrected` (n,) is each vote's log-odds for the lower id without the position bias. `bias` is
    that bias in log-odds for what is shown first, `bias_se` its standard error, and
    `order_variance` what a second look in another order varies by. A hard annotator's `bias` is
    in standard deviations of its latent log-odds, `attenuation` is what of a unit of these is
    left in `corrected` (a soft annotator: 1), and `both_orders` says whether any pair was seen
    twice.
    """

    corrected: Floats
    bias: float
    bias_se: float
    order_variance: float
    both_orders: bool
    attenuation: float = 1.0


@dataclass(frozen=True, slots=True)
class Votes:
    """The votes of J annotators on N pairs.

    `mean` (N, J) is an annotator's mean log-odds that the lower id is better over the orders that
    it saw, its position bias taken off, 0 where it gave none; `count` (N, J) the number of
    orders; `mean_side` (N, J) the mean of `side` over them. `log_ratio` (N,) is ln(length of
    lower / length of upper), `gold` (N,) +1 or -1 where a verifier decided, else 0.
    """

    annotators: list[Annotator]
    positions: list[PositionEffect]
    mean: Floats
    count: Ints
    mean_side: Floats
    log_ratio: Floats
    gold: Floats


def collect_votes(evidence: Sequence[Evidence]) -> Votes:
    """Return all model judges' votes on all pairs, in the order of `evidence`.

    Annotators whose method sees no order are given no position bias, unless they answer in bare
    verdicts.
    """
    annotators, annotator, observed = _observations(evidence)
    shape = (len(evidence), len(annotators))
    votes = Votes(
        annotators, [], np.zeros(shape), np.zeros(shape, dtype=np.int64), np.zeros(shape),
        np.array([one.log_length_ratio for one in evidence], dtype=float),
        np.array([one.verified or 0 for one in evidence], dtype=float),
    )  # fmt: skip
    for at, one in enumerate(annotators):
        pairs, side, value = observed[annotator == at].T
        position = _position_effect(one, pairs.astype(np.int64), side, value)
        _fill_column(votes, at, position, pairs.astype(np.int64), side)
    return votes


def main_annotators(votes: Votes) -> dict[str, int]:
    """Return the place of the annotator with the most votes of each judge."""
    total = votes.count.sum(axis=0)
    main: dict[str, int] = {}
    for at, annotator in enumerate(votes.annotators):
        if annotator.judge not in main or total[at] > total[main[annotator.judge]]:
            main[annotator.judge] = at
    return main


def _observations(evidence: Sequence[Evidence]) -> tuple[list[Annotator], Ints, Floats]:
    """Return the annotators, the annotator of each observation (n,), and (pair, side, log-odds or
    vote) (n, 3), sorted so that the order of the rows makes no difference, not even in rounding.
    """
    known: dict[tuple[str, str, bool], int] = {}
    who, pair, side, value = [], [], [], []
    for place, one in enumerate(evidence):
        for observation in one.observations:
            if observation.method != VERIFIER:
                key = (observation.judge, observation.method, observation.hard)
                who.append(known.setdefault(key, len(known)))
                pair.append(place)
                side.append(1.0 if observation.shown_first else -1.0)
                value.append(observation.log_odds)
    annotators = sorted(known)
    ranks = np.array([annotators.index(key) for key in known], dtype=np.int64)
    annotator = ranks[np.array(who, dtype=np.int64)]
    order = np.lexsort(np.array([value, side, pair, annotator]))
    observed = np.column_stack([pair, side, value]).astype(float)[order]
    return [Annotator(*key) for key in annotators], annotator[order], observed


def _fill_column(
    votes: Votes, at: int, position: PositionEffect, pairs: Ints, side: Floats
) -> None:
    size = len(votes.mean)
    count = np.bincount(pairs, minlength=size)
    per_pair = np.maximum(count, 1)
    votes.positions.append(position)
    votes.count[:, at] = count
    votes.mean_side[:, at] = np.bincount(pairs, weights=side, minlength=size) / per_pair
    votes.mean[:, at] = np.bincount(pairs, weights=position.corrected, minlength=size) / per_pair


def _position_effect(
    annotator: Annotator, pairs: Ints, side: Floats, value: Floats
) -> PositionEffect:
    if annotator.hard:
        return hard_position_effect(pairs, side, value)
    if not _sees_order(annotator.method):
        return no_position_effect(pairs, value)
    return soft_position_effect(pairs, side, value)


def _sees_order(method: str) -> bool:
    """Return whether a judging method's declaration says that it sees an order.

    A method that is not declared here, of a table made elsewhere, is taken to see one.
    """
    return method not in METHODS.names() or METHODS.get(method).sees_order


def soft_position_effect(pairs: Ints, side: Floats, value: Floats) -> PositionEffect:
    """Estimate a position bias from log-odds `value` (n,) for the lower id of `pairs` (n,).

    value = g_pair + side * b + e, with g ~ N(0, G) and e ~ N(0, v): since what is lower is
    arbitrary, g has mean zero. b is the generalised least-squares estimate with a N(0, 1)
    prior: with m votes on a pair that sum to S over `side` and Y over `value`, the inverse of
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
    return PositionEffect(
        corrected=value - bias * side,
        bias=bias,
        bias_se=round(precision**-0.5, _DIGITS),
        order_variance=round(within, _DIGITS),
        both_orders=bool(np.any(count > 1)),
    )


def no_position_effect(pairs: Ints, value: Floats) -> PositionEffect:
    """Return log-odds `value` (n,) as they are, of an annotator that sees no order.

    A bias found by chance would turn its ties into preferences.
    """
    _, group = np.unique(pairs, return_inverse=True)
    count = np.bincount(group)
    within, _ = _variances(group, count, value)
    return PositionEffect(value, 0.0, 0.0, round(within, _DIGITS), bool(np.any(count > 1)))


def hard_position_effect(pairs: Ints, side: Floats, value: Floats) -> PositionEffect:
    """Estimate a position bias from verdicts `value` (n,) of +1, -1 or 0 for the lower id.

    The annotator's latent log-odds for what it sees first are g + b + noise, normal with total
    variance 1; it says "first" above a threshold t, "second" below -t, and "tie" between. The
    shares of the three (half a vote added to each side) give t and b: with the cuts c1 =
    ndtri(share of second) and c2 = ndtri(1 - share of first), b = -(c1 + c2) / 2. A verdict
    becomes the mean of the standard normal between its cuts (normal scores), in a unit in which
    an unbiased annotator's verdicts are +1 and -1. For any x that is jointly normal with the
    latent f, the score's covariance with x is A cov(f, x), A the variance of the score
    (Brillinger 1982): so A is the attenuation of every linear effect.
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
    corrected = unit * scores.round(_DIGITS)[toward.astype(np.int64) + 1] * side
    bias_se = math.sqrt(float(np.sum(_cut_variances(shares, edges[1:3]))) / 4 / len(value))
    _, group = np.unique(pairs, return_inverse=True)
    count = np.bincount(group)
    within, _ = _variances(group, count, corrected)
    return PositionEffect(
        corrected,
        bias=round(-float(np.sum(cuts)) / 2, _DIGITS),
        bias_se=round(bias_se, _DIGITS),
        order_variance=round(within, _DIGITS),
        both_orders=bool(np.any(count > 1)),
        attenuation=round(variance * unit, _DIGITS),
    )


def _cut_variances(shares: Floats, density: Floats) -> Floats:
    """Return an upper bound of the variance of the two cuts, per verdict.

    Each share is binomial; doubled in place of the covariance, since the two are positively
    related.
    """
    below = np.array([shares[0], 1 - shares[2]])
    return np.asarray(2 * below * (1 - below) / density**2)


def _variances(group: Ints, count: Ints, rest: Floats) -> tuple[float, float]:
    """Return the variance within a pair (0 where none was seen twice) and between pairs."""
    mean = np.bincount(group, weights=rest) / count
    twice = int(np.sum(count - 1))
    within = float(np.sum((rest - mean[group]) ** 2)) / twice if twice else 0.0
    between = float(np.mean(mean**2) - within * np.mean(1 / count))
    return within, max(between, 0.0)
