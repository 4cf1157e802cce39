"""Each annotator's verdicts as scores of one unit, freed of what is known to be bias.

**Position.** An annotator's liking b for what it sees first is found from pairs judged in both
orders, where quality cancels by design. Single orders tell it only if the order is known to be
random, since then quality cancels on average; otherwise (the model's answer always first) the
design cannot tell bias from quality, and nothing is taken off.

Soft: value = g + side b + e, with g ~ N(0, G) for each pair and e ~ N(0, v). Generalised least
squares with a N(0, 1) prior on b: with m values of a pair that sum to S over `side` and to Y over
`value`, and k = G / (v + m G), the precision of b is 1 + sum(m - k S^2) / v. Without known
randomness G counts as infinite (k = 1 / m): differences within pairs alone.

Hard: the annotator feels f ~ N(b, 1) towards the first place, and says first above a threshold,
second below minus the threshold. The shares of its verdicts give b; a verdict becomes the mean of
the normal between its cuts (normal scores), so that a rare "second" of one who likes the first
place counts more. The same verdict in both orders is +1 or -1 whatever the bias, so that equal
weights are the majority's.

**Length.** What an annotator's score gains per unit of log length ratio L is kappa_j = a_j gamma
+ c_j, a_j its loading on the consensus: gamma is what length and quality have in common, which
cannot be told from a bias that all share, so its prior is flat and the consensus keeps it. Only
what annotators differ in is bias for certain: c_j ~ N(0, s^2), fitted as a random-effects
meta-analysis (DerSimonian and Laird 1986), shrunk by its own uncertainty. One annotator alone is
never corrected, nor is a person. What anchors tell of length is learnt in `anchors.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from prefline.labeling.votes import Annotator, Order, Votes
from prefline.stats import Bools, Floats, Ints

_ROUNDS = 5
_RANDOM_EXCESS = 0.3  # most overdispersion of first places that still passes for random
_LEAST_UNIT = 0.05  # log-odds
_TINY = 1e-9
_DIGITS = 9  # to which the sum of votes is kept before its sign is taken


@dataclass(frozen=True, slots=True)
class Position:
    """An annotator's position bias in log-odds for what it sees first, with standard error.

    Of a hard annotator in standard deviations of what it feels. `known` says that the design
    could tell it; otherwise it is 0. `hard_scores` is what the verdicts second, tie and first of a
    hard annotator score, towards the first place.
    """

    bias: float
    se: float
    known: bool
    hard_scores: tuple[float, float, float] = (-1.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Scores:
    """One entry for each pair and annotator that judged it, E in all.

    `count` (E,) is the number of verdicts, `score` (E,) their mean over orders, in units of the
    annotator's root mean square in one order; `variance` (E,) the sampling error in it of several
    votes; `lean` (E,) the mean of `side`; `vote` (E,) the sign of what the annotator said over the
    orders asked, before any correction. Of the annotators, (J,) each: `unit` is the scale that was
    taken out, `lean_se` the standard error of the position bias in that unit, `order_variance`
    the variance between the orders of one pair in that unit, 0 where no pair was seen twice.
    """

    pair: Ints
    annotator: Ints
    count: Ints
    score: Floats
    variance: Floats
    lean: Floats
    vote: Floats
    n_pairs: int
    n_annotators: int
    unit: Floats
    lean_se: Floats
    order_variance: Floats
    positions: tuple[Position, ...]

    def with_score(self, score: Floats) -> Scores:
        """Return the same entries with other scores (E,)."""
        return replace(self, score=score)

    def per_annotator(self, values: Floats | None = None) -> Floats:
        """Return the sums (J,) of `values` (E,), or the number of entries."""
        return np.bincount(self.annotator, values, self.n_annotators).astype(float)

    def per_pair(self, values: Floats | Bools | None = None) -> Floats:
        """Return the sums (N,) of `values` (E,), or the number of entries."""
        return np.bincount(self.pair, values, self.n_pairs).astype(float)


def score_votes(votes: Votes, like: Scores | None = None) -> Scores:
    """Return the scores of all votes, position bias taken off where the design tells it.

    `like` are scores of other pairs by the same annotators: their biases and units are taken, and
    none is fitted here.
    """
    n_pairs, n_annotators = votes.n_pairs, len(votes.annotators)
    order = np.lexsort((votes.value, votes.side, votes.pair, votes.annotator))
    pair, who = votes.pair[order], votes.annotator[order]
    side, value = votes.side[order], votes.value[order]
    freed, unit = value.copy(), np.ones(n_annotators)
    lean_se, order_variance, positions = np.zeros(n_annotators), np.zeros(n_annotators), []
    bounds = np.searchsorted(who, np.arange(n_annotators + 1))
    for j, annotator in enumerate(votes.annotators):
        rows = slice(bounds[j], bounds[j + 1])
        if like is not None:
            freed[rows] = _freed(annotator, side[rows], value[rows], like.positions[j])
            freed[rows] /= like.unit[j]
            continue
        random = _is_random(annotator, votes, order[rows])
        position = _bias(annotator, pair[rows], side[rows], value[rows], random)
        freed[rows] = _freed(annotator, side[rows], value[rows], position)
        if not annotator.hard:
            unit[j] = max(math.sqrt(float(np.mean(freed[rows] ** 2))), _LEAST_UNIT)
        freed[rows] /= unit[j]
        lean_se[j] = position.se / unit[j]
        _, group = np.unique(pair[rows], return_inverse=True)
        order_variance[j], _ = _variances(group, np.bincount(group), freed[rows])
        positions.append(position)
    if like is not None:
        unit, lean_se, order_variance = like.unit, like.lean_se, like.order_variance
        positions = list(like.positions)
    key, place = np.unique(who * n_pairs + pair, return_inverse=True)
    count = np.bincount(place)
    said = np.bincount(place, value) / np.maximum(count, 1)
    sampling = votes.variance[order] / unit[who] ** 2
    return Scores(
        pair=key % max(n_pairs, 1),
        annotator=key // max(n_pairs, 1),
        count=count,
        score=np.bincount(place, freed) / np.maximum(count, 1),
        variance=np.bincount(place, sampling) / np.maximum(count, 1) ** 2,
        lean=np.bincount(place, side) / np.maximum(count, 1),
        vote=np.sign(np.round(said, _DIGITS)),
        n_pairs=n_pairs,
        n_annotators=n_annotators,
        unit=unit,
        lean_se=lean_se,
        order_variance=order_variance,
        positions=tuple(positions),
    )


def looks_random(votes: Votes, rows: Ints) -> bool:
    """Tell whether the single orders of these votes pass for random.

    Each response is shown first in half of its pairs, up to binomial noise, and length does not
    go with the side. The overdispersion sum((k - n/2)^2 / (n/4)) / R over R responses with n > 1
    pairs is 1 for random orders; it must be shown (by two standard errors, sqrt(2 / R)) to be
    below 1.3, so that tables in which every response occurs once do not pass.
    """
    code = np.concatenate([votes.first_response[rows], votes.second_response[rows]])
    shown = np.concatenate([np.ones(len(rows)), np.zeros(len(rows))])
    _, code = np.unique(code, return_inverse=True)
    n, first = np.bincount(code), np.bincount(code, shown)
    several = n > 1
    if not several.any():
        return False
    n, first = n[several], first[several]
    excess = float(np.mean((first - n / 2) ** 2 / (n / 4))) - 1
    if excess + 2 * math.sqrt(2 / len(n)) > _RANDOM_EXCESS:
        return False
    ratio, side = votes.log_ratio[votes.pair[rows]], votes.side[rows]
    return abs(float(np.sum(ratio * side))) <= 4 * math.sqrt(float(np.sum(ratio**2)))


def _is_random(annotator: Annotator, votes: Votes, rows: Ints) -> bool:
    if annotator.order is Order.UNKNOWN:
        return looks_random(votes, rows)
    return annotator.order is Order.RANDOM


def _bias(annotator: Annotator, pair: Ints, side: Floats, value: Floats, random: bool) -> Position:
    """Return one annotator's position bias."""
    if annotator.order is Order.UNSEEN:
        return Position(0.0, 0.0, True)
    return (_bias_of_hard if annotator.hard else _bias_of_soft)(pair, side, value, random)


def _freed(annotator: Annotator, side: Floats, value: Floats, position: Position) -> Floats:
    """Return one annotator's values (n,) without its position bias."""
    if annotator.hard:
        score = np.array(position.hard_scores)
        return np.asarray(score[np.sign(value * side).astype(np.int64) + 1] * side)
    return value - position.bias * side


def _bias_of_soft(pair: Ints, side: Floats, value: Floats, random: bool) -> Position:
    _, group = np.unique(pair, return_inverse=True)
    count = np.bincount(group)
    sides, values = np.bincount(group, side), np.bincount(group, value)
    if not random and bool(np.all(np.abs(sides) == count)):
        return Position(0.0, 0.0, False)
    bias, precision = 0.0, 1.0
    for _ in range(_ROUNDS):
        within, between = _variances(group, count, value - bias * side)
        noise = max(within, _TINY) if within else max(between / 2, _TINY)
        k = between / (noise + count * between) if random else 1 / count
        precision = 1.0 + float(np.sum(count - k * sides**2)) / noise
        bias = float(np.sum(side * value) - np.sum(k * sides * values)) / noise / precision
    return Position(bias, precision**-0.5, True)


def _bias_of_hard(pair: Ints, side: Floats, value: Floats, random: bool) -> Position:
    _, group = np.unique(pair, return_inverse=True)
    balanced = np.bincount(group, side) == 0
    tell = np.ones(len(value), dtype=bool) if random else balanced[group]
    toward = value * side
    if not tell.any():
        return Position(0.0, 0.0, False)
    first, second = np.sum(toward[tell] > 0) + 0.5, np.sum(toward[tell] < 0) + 0.5
    shares = np.array([second, np.sum(toward[tell] == 0), first])
    shares = shares / shares.sum()
    below = np.array([shares[0], 1 - shares[2]])
    cuts = ndtri(below)
    density = np.array([0.0, *np.exp(-(cuts**2) / 2) / math.sqrt(2 * math.pi), 0.0])
    means = -np.diff(density) / np.where(shares > 0, shares, 1.0)
    means /= (means[2] - means[0]) / 2  # the same verdict in both orders scores +1 or -1
    variance = float(np.sum(2 * below * (1 - below) / density[1:3] ** 2)) / 4 / int(tell.sum())
    hard_scores = float(means[0]), float(means[1]), float(means[2])
    return Position(-float(np.sum(cuts)) / 2, math.sqrt(variance), True, hard_scores)


def _variances(group: Ints, count: Ints, rest: Floats) -> tuple[float, float]:
    """Return the variance within a pair (0 where none was seen twice) and between pairs."""
    mean = np.bincount(group, rest) / count
    twice = int(np.sum(count - 1))
    within = float(np.sum((rest - mean[group]) ** 2)) / twice if twice else 0.0
    return within, max(float(np.mean(mean**2) - within * np.mean(1 / count)), 0.0)


def own_length_bias(
    scores: Scores, log_ratio: Floats, loading: Floats, human: Bools, shared: float
) -> Floats:
    """Return each annotator's length bias (J,) per unit of log length ratio, in its unit.

    It is what the annotator has beyond what all have in common, and the share `shared` of that;
    0 for people and where no length is known. `loading` (J,) is on the consensus.
    """
    ratio = log_ratio[scores.pair]
    squares = scores.per_annotator(ratio**2)
    usable = (squares > 0) & (loading > 0.05)  # noqa: PLR2004 - no part in the consensus
    bias = np.zeros(scores.n_annotators)
    if usable.any():
        kappa = scores.per_annotator(ratio * scores.score)[usable] / squares[usable]
        spread = scores.per_annotator(scores.score**2) / np.maximum(scores.per_annotator(), 1)
        bias[usable] = _beyond_common(
            loading[usable], kappa, spread[usable] / squares[usable], shared
        )
    bias[human] = 0.0
    return bias


def _beyond_common(a: Floats, kappa: Floats, variance: Floats, shared: float) -> Floats:
    """Return c (n,) of kappa = a gamma + c, `variance` (n,) being that of kappa."""
    if len(kappa) == 1:
        return np.asarray(shared * kappa)

    def gamma(own: float) -> float:
        weight = 1 / (variance + own)
        return float(np.sum(weight * a * kappa) / np.sum(weight * a * a))

    weight = 1 / variance
    excess = float(np.sum(weight * (kappa - a * gamma(0.0)) ** 2)) - (len(kappa) - 1)
    own = max(0.0, excess / float(np.sum(weight) - np.sum(weight**2) / np.sum(weight)))
    common = a * gamma(own)
    return np.asarray(shared * common + (kappa - common) * own / (own + variance))
