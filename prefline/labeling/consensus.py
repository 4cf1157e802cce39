"""The consensus of annotators: one-factor models of their scores, fitted without any truth.

Scores x_ij = a_j f_i + noise of variance t_j, with f_i ~ N(0, 1) the pair's consensus. Given the
scores, f_i is N(m_i, v_i) with 1 / v_i = 1 + sum_j a_j^2 / t_j and m_i = v_i sum_j a_j x_ij / t_j,
over the annotators that judged the pair. Three fits by EM, each for a way in which annotators may
relate to what they have in common:

- *equal*: one loading and one noise for all. Its sign is the majority's.
- *factor*: each its own loading (at least 0) and noise: weights a / t, those of Dawid and Skene
  for Gaussian scores. Right if errors are independent, captured by the largest clique if not.
- *principal*: its own signed loading, one noise (probabilistic principal components): annotators
  that are sure of themselves, in both orders, weigh most.

An annotator's noise is at least what its own two orders show: V_j / m, V_j being the variance
between the orders of one pair. Twins that err together seem to have less noise than that, and
without the bound the factor is theirs.

If one factor explains the agreement, residual correlations are noise. `misfit` is their mean
square beyond sampling noise, relative to the mean correlation; correlations proved negative add
to it, and an annotator left without any loading makes it at least `MISFIT_LIMIT`. Where it is
large, annotators share errors, or some are against the crowd, and agreement cannot tell who is
right. Who was asked about a pair may depend on what others answered there (adaptive judging), and
the correlations on the pairs that two share then are not those of all pairs. So with few
annotators the covariances are the most probable ones of a normal with missing values (EM, Little
and Rubin 2002, section 11.2), which such a choice does not bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import log_ndtr

from prefline.labeling.scores import Scores
from prefline.stats import Bools, Floats, Ints

MISFIT_LIMIT = 0.25  # misfit at which the factor's own weights are given up
_STEPS = 200
_TOLERANCE = 1e-5
_PRIOR_PAIRS = 1.0  # each loading's and noise's prior weighs as much as one pair
_PRIOR_LOADING = 0.7  # of an annotator's root mean square
_LEAST_NOISE = 0.02
_LEAST_SQUARE = 0.05
_MOST_ENTRIES = 200_000  # scores in a fit: beyond, the error is far below what judges differ by
_HASH = 2_654_435_761  # Knuth's multiplicative
_MOST_CORRELATED = 120  # annotators whose correlations are examined for misfit
_MOST_PAIRS = 20_000  # on which they are
_MOST_COMPLETED = 12  # annotators whose covariances are completed where not all judged all pairs
_MOST_COMPLETED_PAIRS = 10_000  # on which they are
_FEWEST_TOGETHER = 10  # pairs that two annotators must share
_FEWEST_ANNOTATORS = 3  # whose correlations can contradict one factor


class Kind(StrEnum):
    """The relation of annotators to the consensus (module docstring)."""

    EQUAL = "equal"
    FACTOR = "factor"
    PRINCIPAL = "principal"


@dataclass(frozen=True, slots=True)
class Factor:
    """`loading`, `noise` (J,) of a fit; `mean`, `variance` (N,) of each pair's consensus."""

    loading: Floats
    noise: Floats
    mean: Floats
    variance: Floats

    @property
    def deviate(self) -> Floats:
        """The consensus (N,) in units of its own standard deviation."""
        return np.asarray(self.mean / np.sqrt(self.variance))

    @property
    def part(self) -> Floats:
        """Each annotator's linear part (J,) in the consensus, before normalising."""
        return np.asarray(self.loading / self.noise)


@dataclass(frozen=True, slots=True)
class _Entries:
    """The scores that a fit uses: P pairs, with the sums of squares and counts (J,)."""

    pair: Ints
    annotator: Ints
    score: Floats
    n_pairs: int
    count: Floats
    squares: Floats

    def per_pair(self, values: Floats) -> Floats:
        return np.bincount(self.pair, values, self.n_pairs).astype(float)

    def per_annotator(self, values: Floats) -> Floats:
        return np.bincount(self.annotator, values, len(self.count)).astype(float)


def fit_factor(scores: Scores, kind: Kind) -> Factor:
    """Fit one factor by EM, on a sample of pairs where there are more than `_MOST_ENTRIES`."""
    entries = _sample(scores)
    square = scores.per_annotator(scores.score**2) / np.maximum(scores.per_annotator(), 1)
    rms = np.sqrt(square)
    a = _PRIOR_LOADING * (_first_component(entries) if kind is Kind.PRINCIPAL else rms)
    t = np.maximum(0.5 * entries.squares / np.maximum(entries.count, 1), _LEAST_NOISE)
    inverse = scores.per_annotator(1 / scores.count) / np.maximum(scores.per_annotator(), 1)
    least = np.maximum(
        scores.order_variance * inverse, _LEAST_NOISE * np.maximum(square, _LEAST_SQUARE)
    )
    if kind is Kind.EQUAL:
        a = _pooled(a, entries.count)
    for _ in range(_STEPS):
        if kind is not Kind.FACTOR:
            t = np.maximum(_pooled(t, entries.count), _LEAST_NOISE)
        v = 1 / (1 + entries.per_pair((a * a / t)[entries.annotator]))
        f = entries.per_pair((a / t)[entries.annotator] * entries.score) * v
        xf = entries.per_annotator(entries.score * f[entries.pair])
        ff = entries.per_annotator((f * f + v)[entries.pair])
        last, a = a, _loading(kind, xf, ff, rms)
        rest = entries.squares - 2 * a * xf + a**2 * ff + _PRIOR_PAIRS * 0.5 * square
        t = rest / (entries.count + _PRIOR_PAIRS)
        t = np.maximum(t, least)
        if float(np.max(np.abs(a - last))) < _TOLERANCE:
            break
    if kind is not Kind.FACTOR:
        t = np.maximum(_pooled(t, entries.count), _LEAST_NOISE)
    return posterior(scores, a, t)


def _sample(scores: Scores) -> _Entries:
    """Return all scores, or those of pairs drawn by a hash of their numbers."""
    use: Ints | slice = slice(None)
    if len(scores.pair) > _MOST_ENTRIES:
        hashed = (scores.pair * _HASH) % 2**32
        use = np.flatnonzero(hashed < 2**32 * _MOST_ENTRIES / len(scores.pair))
    pair, annotator, score = scores.pair[use], scores.annotator[use], scores.score[use]
    n_pairs = scores.n_pairs
    if len(pair) < len(scores.pair):
        numbers, pair = np.unique(pair, return_inverse=True)
        n_pairs = len(numbers)
    count = np.bincount(annotator, minlength=scores.n_annotators).astype(float)
    squares = np.bincount(annotator, score * score, scores.n_annotators).astype(float)
    return _Entries(pair, annotator, score, n_pairs, count, squares)


def _pooled(values: Floats, count: Floats) -> Floats:
    """Return the mean of values (J,) over all entries, for every annotator."""
    return np.full(len(values), float(np.sum(values * count) / np.sum(count)))


def _loading(kind: Kind, xf: Floats, ff: Floats, rms: Floats) -> Floats:
    if kind is Kind.EQUAL:
        return np.full(len(xf), float(np.sum(xf) / np.sum(ff)))
    if kind is Kind.PRINCIPAL:
        return np.asarray(xf / (ff + _PRIOR_PAIRS))
    prior = _PRIOR_PAIRS * _PRIOR_LOADING * rms
    return np.maximum((xf + prior) / (ff + _PRIOR_PAIRS), 0.0)


def posterior(scores: Scores, loading: Floats, noise: Floats) -> Factor:
    """Return the consensus on all pairs, by a factor of these loadings and noises (J,)."""
    variance = 1 / (1 + scores.per_pair((loading**2 / noise)[scores.annotator]))
    mean = scores.per_pair((loading / noise)[scores.annotator] * scores.score) * variance
    return Factor(loading, noise, mean, variance)


def _first_component(entries: _Entries) -> Floats:
    """Return the leading eigenvector (J,) of the second moments by power iteration, sum >= 0."""
    n_annotators = len(entries.count)
    n = np.sqrt(np.maximum(entries.count, 1))
    a = np.ones(n_annotators) + 1e-3 * np.arange(n_annotators) / n_annotators
    for _ in range(100):
        f = entries.per_pair(entries.score * (a / n)[entries.annotator])
        last, a = a, entries.per_annotator(entries.score * f[entries.pair]) / n
        a /= np.linalg.norm(a) + 1e-300
        if float(np.max(np.abs(a - last))) < 1e-7:  # noqa: PLR2004 - converged
            break
    a = a * np.sqrt(n_annotators)
    return np.asarray(a if a.sum() >= 0 else -a)


def misfit(scores: Scores, factor: Factor) -> float:
    """Return how far one factor is from explaining the agreement, 0 if it does."""
    often = np.argsort(-scores.per_annotator(), kind="stable")[:_MOST_CORRELATED]
    if len(often) < _FEWEST_ANNOTATORS:
        return 0.0
    r, n, rms = _correlations(scores, often, factor)
    loading = factor.loading[often]
    a = (loading / np.maximum(rms, 1e-9)).clip(-1, 1)
    off = ~np.eye(len(often), dtype=bool) & (n >= _FEWEST_TOGETHER)
    if off.sum() < _FEWEST_ANNOTATORS * (_FEWEST_ANNOTATORS - 1):
        return 0.0
    rest = max(float(np.mean((r - np.outer(a, a))[off] ** 2 - 1 / n[off])), 0.0)
    if np.any(loading <= 0.0):
        return max(MISFIT_LIMIT, float(np.sqrt(rest)))
    negative = np.minimum(r[off] + 2 / np.sqrt(n[off]), 0.0)
    rest += 4 * float(np.mean(negative**2))
    return float(np.sqrt(rest) / max(abs(float(np.mean(r[off]))), 0.05))


def _correlations(scores: Scores, often: Ints, factor: Factor) -> tuple[Floats, Floats, Floats]:
    """Return the correlations and numbers of pairs (K, K) of these annotators, and rms (K,)."""
    place = np.full(scores.n_annotators, -1)
    place[often] = np.arange(len(often))
    step = max(1, scores.n_pairs // _MOST_PAIRS)
    use = (place[scores.annotator] >= 0) & (scores.pair % step == 0)
    numbers, row = np.unique(scores.pair[use], return_inverse=True)
    column = place[scores.annotator[use]]
    x = np.zeros((len(numbers), len(often)))
    judged = np.zeros_like(x)
    x[row, column], judged[row, column] = scores.score[use], 1.0
    n = judged.T @ judged
    if len(often) <= _MOST_COMPLETED and not np.all(judged):
        start = np.outer(factor.loading[often], factor.loading[often])
        start += np.diag(factor.noise[often])
        cov = _completed_moments(x, judged > 0, start)
        rms = np.sqrt(np.diag(cov))
        return cov / np.outer(rms, rms), n, rms
    rms = np.sqrt((x * x).sum(axis=0) / np.maximum(np.diag(n), 1))
    x /= np.maximum(rms, 1e-9)
    return x.T @ x / np.maximum(n, 1), n, rms


def _completed_moments(x: Floats, judged: Bools, start: Floats) -> Floats:
    """Return the most probable covariance (K, K) of a normal with mean 0 from scores (n, K).

    `start` is a covariance to begin with, which counts as one pair more and stays where
    annotators did not meet.
    """
    step = max(1, -(-len(x) // _MOST_COMPLETED_PAIRS))
    x, judged = x[::step], judged[::step]
    patterns, place = np.unique(judged, axis=0, return_inverse=True)
    moments = []
    for number, pattern in enumerate(patterns):
        seen = np.flatnonzero(pattern)
        part = x[place.ravel() == number][:, seen]
        moments.append((seen, part.T @ part, len(part)))
    cov = start
    for _ in range(_STEPS):
        total = _PRIOR_PAIRS * start
        for seen, squares, n in moments:
            # Given the scores that were seen, all are N(B x_seen, rest).
            b = np.linalg.solve(cov[np.ix_(seen, seen)], cov[seen]).T
            total = total + b @ squares @ b.T + n * (cov - b @ cov[seen])
        last, cov = cov, total / (len(x) + _PRIOR_PAIRS)
        if float(np.max(np.abs(cov - last))) < _TOLERANCE:
            break
    return cov


def agreement_log_odds(factor: Factor, rho2: float) -> Floats:
    """Return log-odds (N,) of the lower id from the consensus alone.

    P(z > 0) for the truth's margin z of squared correlation `rho2` with the consensus:
    ln Phi(d) - ln Phi(-d) with d = rho m / sqrt(1 - rho^2 (1 - v)).
    """
    d = np.sqrt(rho2) * factor.mean / np.sqrt(1 - rho2 * (1 - factor.variance))
    return np.asarray(log_ndtr(d) - log_ndtr(-d))
