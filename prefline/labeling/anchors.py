"""Weights of annotators where the truth was told: Bayesian logistic regression on anchors.

For a pair with scores x (0 where an annotator did not judge), consensus score g and log length
ratio L, P(lower id is better) = logistic(eta) with

    eta = rho g + x'd + l L,    d ~ N(0, (s^2 / K) I),    l ~ N(0, s_l^2)

so that the whole weight of annotator j is its part in the consensus plus d_j: it starts from what
agreement says (d = 0) and leaves it as far as anchors demand, below zero if need be. K is the mean
of x'x, so that s is in log-odds whatever the number of annotators; many judges of one model move
together because their scores do. g is one of the fits of `consensus.py`, of mean square 1, or
agreement's own log-odds.

The hyperparameters (which g, rho, s, whether length tells anything) are few and are averaged, not
chosen: each combination is a hypothesis, weighed by its prior and its marginal likelihood on the
anchors in Laplace's approximation (Bishop 2006, sections 4.4 and 4.5). That agreement is right as
it stands, all in all, has the prior probability 0.2 + 0.6 t, t in [0, 1] being its trust: how far
one factor explains what annotators have in common. Where it does, a few anchors that point
elsewhere are rather chance; where it does not, somebody is against the crowd, and may be right.
Otherwise agreement tells something (rho >= 1) or nothing at all: rho = 0 is ridge regression on
the anchors, which costs little where agreement is good and saves much where the crowd is wrong.
That length tells something beyond the scores has prior odds of 1 to 4: few anchors find such an
effect by chance. The marginal likelihood is

    ln Z = ln p(y | w) + ln N(w; w0, S0) + (k / 2) ln 2 pi - 1/2 ln |H|    at the most probable w

and p is the posterior predictive, eta's own variance averaged over (MacKay 1992):
logistic(mean / sqrt(1 + pi var / 8)), then the mean over hypotheses. With three anchors p stays
near 1/2; s = 4 lets twenty turn the consensus round.

The two verdicts (v1, v2) of both orders have no other linear feature than v1 + v2: exchanging the
responses turns (v1, v2) into (-v2, -v1), so that v1 - v2, the flip, keeps its sign and cannot say
which response is better. Single orders differ by the position bias, which is in the scores.

Anchors may be soft: target q is the probability that the truth is +1 given what was told of the
pair and no more (a verifier's accuracy; what reviewers' agreement gives), weight the number of
observations it counts for. Their log-likelihood is sum weight ln(q p + (1 - q) (1 - p)), so that
an anchor that may be wrong does not hold eta down as a target would; a tie, q = 1/2, tells
nothing. Its curvature is p (1 - p) - r (1 - r) with r = q p / (q p + (1 - q) (1 - p)), taken as 0
where it is negative.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from prefline.labeling.agreement import Agreement
from prefline.labeling.votes import Votes
from prefline.stats import Bools, Floats, Ints

LEAST_SQUARE = 0.01  # of scores: annotators that always say the same have nothing to weigh
_RHO = (1.0, 2.0, 3.0)
_DEVIATION = (0.5, 1.0, 2.0, 4.0)
_RIDGE_DEVIATION = (0.5, 1.0, 2.0, 4.0, 8.0)  # where rho = 0
_RIDGE_PRIOR = 0.5  # that agreement tells nothing, unless it is right as it stands
_LENGTH_PRIOR = 0.2  # that length tells something beyond the scores
_AGREEMENT_RHO = (0.3, 0.6, 1.0)  # multiples of agreement's own log-odds
_AGREEMENT_DEVIATION = (0.1, 0.3, 1.0)
_AGREEMENT_PRIOR = (0.2, 0.8)  # of agreement being right as it stands, without trust and with all
_SEARCH_ANCHORS = 1_500  # on which hypotheses are weighed before the best are refitted on all
_REFITTED = 3
_LEAST_WEIGHT = 5e-3  # of a hypothesis
_MOST_COLUMNS = 80  # annotators with a deviation of their own: those with most anchors
_CHUNK = 65_536
_NEWTON_STEPS = 50
_GAIN = 1e-7  # of the objective, below which a step is the last
_TINY = 1e-12  # of a probability


@dataclass(frozen=True, slots=True)
class Features:
    """Features of n pairs.

    `consensus` (n, C) is of mean square 1 over all pairs, but for the last column, which is
    agreement's own log-odds; `scores` (n, K) are those of the annotators `columns` (K,), over
    `unit`; `length` (n,) is of mean square 1, or all 0 where it must not count. `trust` is the
    agreement's; `rms` and `length_rms` are what consensus and length were divided by.
    """

    consensus: Floats
    scores: Floats
    length: Floats
    columns: Ints
    unit: float
    trust: float
    rms: Floats
    length_rms: float

    def take(self, rows: Ints | slice) -> Features:
        """Return the features of these rows."""
        parts = self.consensus[rows], self.scores[rows], self.length[rows]
        return replace(self, consensus=parts[0], scores=parts[1], length=parts[2])


@dataclass(frozen=True, slots=True)
class _Setting:
    """Hyperparameters: `which` consensus, `rho`, `s`, and the standard deviation of `l`."""

    which: int
    rho: float
    s: float
    length: float


@dataclass(frozen=True, slots=True)
class _Fit:
    """The most probable (d, l) (k,), its `covariance` (k, k), and the log marginal likelihood."""

    mean: Floats
    covariance: Floats
    evidence: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A setting with its fit, and its posterior probability `weight`."""

    setting: _Setting
    mean: Floats
    covariance: Floats
    weight: float


def make_features(agreement: Agreement, votes: Votes, anchors: Bools) -> Features:
    """Return the features of all pairs; `anchors` (N,) are the pairs whose truth was told."""
    scores = agreement.scores
    told = scores.per_annotator(anchors[scores.pair].astype(float))
    columns = np.sort(np.argsort(-told, kind="stable")[:_MOST_COLUMNS])
    x, g, length = _raw_features(agreement, votes, columns)
    unit = math.sqrt(max(float(np.mean(np.sum(x * x, axis=1))), LEAST_SQUARE))
    rms = np.sqrt(np.maximum(np.mean(g * g, axis=0), LEAST_SQUARE))
    length_rms = math.sqrt(float(np.mean(length**2)))
    return _features(agreement, (x, g, length), columns, unit, rms, length_rms)


def features_as(fitted: Features, agreement: Agreement, votes: Votes) -> Features:
    """Return the features of other pairs by the same annotators, in the units of these."""
    raw = _raw_features(agreement, votes, fitted.columns)
    return _features(agreement, raw, fitted.columns, fitted.unit, fitted.rms, fitted.length_rms)


def _features(
    agreement: Agreement,
    raw: tuple[Floats, Floats, Floats],
    columns: Ints,
    unit: float,
    rms: Floats,
    length_rms: float,
) -> Features:
    x, g, length = raw
    return Features(
        np.column_stack([g / rms, agreement.log_odds]),
        x / unit,
        length / length_rms if length_rms > 0 else length,
        columns,
        unit,
        agreement.trust,
        rms,
        length_rms,
    )


def _raw_features(
    agreement: Agreement, votes: Votes, columns: Ints
) -> tuple[Floats, Floats, Floats]:
    """Return (scores (n, K), consensus (n, C), length (n,)) before they are brought to a unit."""
    scores = agreement.scores
    place = np.full(scores.n_annotators, -1)
    place[columns] = np.arange(len(columns))
    use = place[scores.annotator] >= 0
    x = np.zeros((scores.n_pairs, len(columns)))
    x[scores.pair[use], place[scores.annotator[use]]] = scores.score[use]
    g = np.column_stack([fit.deviate for fit in agreement.fits])
    by_model = scores.per_pair(~votes.human[scores.annotator]) / np.maximum(scores.per_pair(), 1)
    return x, g, votes.log_ratio * by_model


def fit_anchors(features: Features, target: Floats, weight: Floats) -> list[Hypothesis]:
    """Return the hypotheses that count, weighed by the anchors' features (n, ...)."""
    n = len(target)
    search = slice(None, None, max(1, -(-n // _SEARCH_ANCHORS)))
    settings, prior = _settings(features)
    searched = features.take(search)
    fits = [_laplace(searched, target[search], weight[search], each) for each in settings]
    evidence = np.array([fit.evidence for fit in fits]) + np.log(prior)
    chance = np.exp(evidence - evidence.max())
    chance /= chance.sum()
    kept = np.flatnonzero(chance >= _LEAST_WEIGHT)
    if n > _SEARCH_ANCHORS:
        kept = kept[np.argsort(-chance[kept], kind="stable")][:_REFITTED]
        for k in kept:
            fits[k] = _laplace(features, target, weight, settings[k])
    total = chance[kept].sum()
    return [
        Hypothesis(settings[k], fits[k].mean, fits[k].covariance, float(chance[k] / total))
        for k in kept
    ]


def _settings(features: Features) -> tuple[list[_Setting], Floats]:
    """Return all settings with their prior probabilities."""
    last = features.consensus.shape[1] - 1
    doubted, trusted = _AGREEMENT_PRIOR
    right = doubted + (trusted - doubted) * features.trust
    families: tuple[tuple[float, Sequence[int], Sequence[float], Sequence[float]], ...] = (
        (right, [last], _AGREEMENT_RHO, _AGREEMENT_DEVIATION),
        ((1 - right) * (1 - _RIDGE_PRIOR), range(last), _RHO, _DEVIATION),
        ((1 - right) * _RIDGE_PRIOR, [0], (0.0,), _RIDGE_DEVIATION),
    )
    lengths = {0.0: 1.0}
    if np.any(features.length):
        lengths = {0.0: 1 - _LENGTH_PRIOR, 1.0: _LENGTH_PRIOR}
    settings, prior = [], []
    for probability, starts, rhos, deviations in families:
        family = list(itertools.product(starts, rhos, deviations))
        for (which, rho, s), (length, share) in itertools.product(family, lengths.items()):
            settings.append(_Setting(which, rho, s, length))
            prior.append(probability * share / len(family))
    return settings, np.array(prior)


def _laplace(features: Features, q: Floats, weight: Floats, setting: _Setting) -> _Fit:
    """Fit (d, l) by Newton's method with halved steps."""
    offset = setting.rho * features.consensus[:, setting.which]
    x = np.column_stack([features.scores * setting.s, features.length * setting.length])
    k = x.shape[1]
    log_q, log_not_q = np.log(np.maximum(q, _TINY)), np.log(np.maximum(1 - q, _TINY))

    def objective(w: Floats) -> float:
        eta = offset + x @ w
        told = np.logaddexp(log_q + eta, log_not_q) - np.logaddexp(0, eta)
        return float(np.sum(weight * told) - 0.5 * w @ w)

    def derivatives(w: Floats) -> tuple[Floats, Floats]:
        eta = offset + x @ w
        p, r = expit(eta), expit(eta + log_q - log_not_q)
        curvature = np.maximum(p * (1 - p) - r * (1 - r), 0.0) * weight
        return x.T @ (weight * (r - p)) - w, (x * curvature[:, None]).T @ x + np.eye(k)

    w = np.zeros(k)
    best = objective(w)
    for _ in range(_NEWTON_STEPS):
        gradient, hessian = derivatives(w)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while (reached := objective(w + size * step)) < best - 1e-12 and size > 1e-4:  # noqa: PLR2004
            size /= 2
        w, gain, best = w + size * step, reached - best, reached
        if gain < _GAIN:
            break
    hessian = derivatives(w)[1]
    evidence = best - 0.5 * float(np.linalg.slogdet(hessian)[1])
    scale = np.r_[np.full(k - 1, setting.s), setting.length]
    return _Fit(w * scale, np.linalg.inv(hessian) * np.outer(scale, scale), evidence)


def predict(
    hypotheses: list[Hypothesis], features: Features, extra: Floats
) -> tuple[Floats, Floats]:
    """Return (p, standard error of the log-odds), (n,) each.

    `extra` (n,) is variance of eta, per unit rho^2, from what is not known of position biases.
    """
    n = len(features.length)
    p, first, second = np.zeros(n), np.zeros(n), np.zeros(n)
    for start in range(0, n, _CHUNK):
        rows = slice(start, min(start + _CHUNK, n))
        part = features.take(rows)
        x = np.column_stack([part.scores, part.length])
        for hypothesis in hypotheses:
            rho, which = hypothesis.setting.rho, hypothesis.setting.which
            eta = rho * part.consensus[:, which] + x @ hypothesis.mean
            own = np.maximum(np.einsum("ij,ij->i", x @ hypothesis.covariance, x), 0)
            variance = own + rho**2 * extra[rows]
            p[rows] += hypothesis.weight * expit(eta / np.sqrt(1 + math.pi * variance / 8))
            first[rows] += hypothesis.weight * eta
            second[rows] += hypothesis.weight * (eta**2 + variance)
    return p, np.sqrt(np.maximum(second - first**2, 0))


def annotator_weights(
    hypotheses: list[Hypothesis], parts: Floats, unit: float
) -> tuple[Floats, Floats]:
    """Return each column's whole weight (K,) in log-odds per unit of its score, and its error.

    `parts` (C, K) are the columns' linear parts in each consensus, `unit` is `Features.unit`.
    """
    means = np.array([h.setting.rho * parts[h.setting.which] + h.mean[:-1] / unit
                      for h in hypotheses])  # fmt: skip
    spread = np.array([np.diag(h.covariance)[:-1] / unit**2 for h in hypotheses])
    chance = np.array([h.weight for h in hypotheses])[:, None]
    mean = np.sum(chance * means, axis=0)
    square = np.sum(chance * (spread + means**2), axis=0)
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))
