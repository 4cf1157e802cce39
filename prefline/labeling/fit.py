"""The fit of a table of votes: the most probable parameters, labels, and the errors of both."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from prefline.labeling.annotators import Votes
from prefline.labeling.log_odds_model import (
    LEAST_NOISE,
    Parameters,
    VotePatterns,
    agreement_log_density,
    consensus_weights,
    gold_log_density,
    label_log_odds,
    slopes,
)
from prefline.stats import Bools, Floats, Ints

_STEP = 1e-4  # of first differences; all parameters are of order one
_SECOND_STEP = 1e-3  # of the differences of these
_ROUNDING = 1e-12  # relative, of a log-posterior
_NEWTON_STEPS = 10
_DIGITS = 5  # to which estimates are kept, so that the last bits of a machine do not show


@dataclass(frozen=True, slots=True)
class _Problem:
    """All that the parameters depend on.

    `scale` (J,) is the spread of an annotator's log-odds, which `a` and `tau` are multiples of
    while they are optimised; `gold_*` are of the verified pairs on which an annotator voted.
    """

    scale: Floats
    order_variance: Floats
    patterns: VotePatterns
    gold_x: Floats
    gold_pattern: Ints
    gold: Floats
    gold_log_ratio: Floats
    verifier_accuracy: float

    def parameters(self, free: Floats) -> Parameters:
        """Return the parameters of the optimised vector: a / scale, tau / scale, rho, gamma."""
        j = len(self.scale)
        a, tau = free[:j] * self.scale, free[j : 2 * j] * self.scale
        return Parameters(a, tau, float(free[-2]), float(free[-1]))


@dataclass(frozen=True, slots=True)
class Fit:
    """The most probable parameters, with `cov` the covariance of the vector (`free`, `kappa`).

    `log_odds` (N,) are each pair's that the lower id is better, with their standard errors.
    """

    problem: _Problem
    free: Floats
    kappa: Floats
    cov: Floats
    log_odds: Floats
    log_odds_se: Floats

    @property
    def parameters(self) -> Parameters:
        """The parameters in their own units."""
        return self.problem.parameters(self.free)

    @property
    def order_variance(self) -> Floats:
        """v (J,)."""
        return self.problem.order_variance

    @property
    def gamma_se(self) -> float:
        """Standard error of the true effect of length."""
        return float(self.cov[len(self.free) - 1, len(self.free) - 1] ** 0.5)

    def with_error(self, function: Callable[[Parameters, Floats], float]) -> tuple[float, float]:
        """Return a function of the parameters and kappa, and its standard error."""
        vector, cut = np.concatenate([self.free, self.kappa]), len(self.free)

        def value(at: Floats) -> Floats:
            return np.array(function(self.problem.parameters(_within_bounds(at[:cut])), at[cut:]))

        return float(value(vector)), float(standard_errors(value, vector, self.cov))


def fit(votes: Votes, verifier_accuracy: float) -> Fit:
    """Fit the model to all votes; there is at least one annotator."""
    kappa, kappa_se = _length_effects(votes)
    count, pattern = np.unique(votes.count, axis=0, return_inverse=True)
    problem = _pose(votes, kappa, pattern.ravel(), verifier_accuracy)
    free = _most_probable(problem)
    cov = _join(np.round(_covariance(free, problem), _DIGITS + 3), kappa_se)
    labels = _LabelFunction(votes, problem, count, pattern.ravel())
    vector = np.concatenate([free, kappa, np.zeros(len(kappa))])
    bias_se = np.array([position.bias_se for position in votes.positions])
    se = standard_errors(labels.log_odds, vector, _join(cov, bias_se))
    return Fit(problem, free, kappa, cov, labels.log_odds(vector), se)


def standard_errors(function: Callable[[Floats], Floats], at: Floats, cov: Floats) -> Floats:
    """Return standard errors of `function` of parameters with covariance `cov`.

    Half the difference between one standard deviation ahead and one behind, along each
    column of the symmetric root (not along eigenvectors, which alike eigenvalues leave open),
    root of the sum of squares: the delta method, with steps as long as the
    uncertainty itself (the sigma points of Julier and Uhlmann 1997), so that a parameter that
    only its prior or a bound holds gives no more than these allow.
    """
    values, vectors = np.linalg.eigh(cov)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    total = np.zeros(np.shape(function(at)))
    for step in root.T:
        total += ((function(at + step) - function(at - step)) / 2) ** 2
    return np.sqrt(total)


def _length_effects(votes: Votes) -> tuple[Floats, Floats]:
    """Return kappa (J,), log-odds per unit of log length ratio, and its standard errors.

    The least-squares slope through the origin, with a N(0, 1) prior: V the mean square of x,
    kappa = sum(L x) / (sum(L^2) + V).
    """
    voted = votes.count > 0
    n = np.maximum(voted.sum(axis=0), 1)
    spread = np.maximum(np.sum(votes.mean**2, axis=0) / n, LEAST_NOISE)
    ratio = votes.log_ratio[:, None]
    precision = np.sum(voted * ratio**2, axis=0) / spread + 1
    kappa = np.sum(votes.mean * ratio, axis=0) / spread / precision
    return np.round(kappa, 2 * _DIGITS), np.round(precision**-0.5, 2 * _DIGITS)


def _pose(votes: Votes, kappa: Floats, pattern: Ints, verifier_accuracy: float) -> _Problem:
    """Return the problem for `votes`; `pattern` (N,) numbers the distinct rows of their count."""
    x = np.where(votes.count > 0, votes.mean - votes.log_ratio[:, None] * kappa, 0.0)
    n = np.maximum(np.sum(votes.count > 0, axis=0), 1)
    scale = np.sqrt(np.maximum(np.sum(x**2, axis=0) / n, LEAST_NOISE)).round(2 * _DIGITS)
    rows = (votes.gold != 0) & np.any(votes.count > 0, axis=1)
    return _Problem(
        scale=scale,
        order_variance=np.array([position.order_variance for position in votes.positions]),
        patterns=_patterns(votes.count, pattern, x),
        gold_x=x[rows],
        gold_pattern=pattern[rows],
        gold=votes.gold[rows],
        gold_log_ratio=votes.log_ratio[rows],
        verifier_accuracy=verifier_accuracy,
    )


def _patterns(count: Ints, pattern: Ints, x: Floats) -> VotePatterns:
    size, annotators = int(pattern.max()) + 1, x.shape[1]
    shown = np.zeros((size, annotators), dtype=np.int64)
    shown[pattern] = count
    cross = np.empty((size, annotators, annotators))
    for j in range(annotators):
        for k in range(j + 1):
            sums = np.bincount(pattern, weights=x[:, j] * x[:, k], minlength=size)
            cross[:, j, k] = cross[:, k, j] = sums
    return VotePatterns(shown, np.bincount(pattern, minlength=size).astype(float), cross)


def _log_posterior(free: Floats, problem: _Problem) -> float:
    """Return the log-posterior density of the parameters, up to a constant.

    The priors weigh as much as about one pair. Each slope, if the consensus were the truth, is
    N(1, 1): an annotator is taken at its word until the data speak, and 1 means calibrated. gamma
    is N(0, 1). The density of rho is proportional to exp(rho): annotators that agree are right
    until verified pairs say otherwise.
    """
    parameters = problem.parameters(free)
    w, v = consensus_weights(parameters, problem.order_variance, problem.patterns.count)
    rows = problem.gold_pattern
    mean = np.einsum("nj,nj->n", w[rows], problem.gold_x) * v[rows]
    gold = gold_log_density(
        parameters, mean, v[rows], problem.gold, problem.gold_log_ratio, problem.verifier_accuracy
    )
    deviations = slopes(replace(parameters, rho=1.0), problem.order_variance) - 1
    prior = parameters.rho - 0.5 * (float(np.sum(deviations**2)) + parameters.gamma**2)
    agreement = agreement_log_density(parameters, problem.order_variance, problem.patterns)
    return float(agreement + gold + prior)


def _most_probable(problem: _Problem) -> Floats:
    """Return the maximum of the log-posterior by L-BFGS-B with central differences, rounded."""
    j = len(problem.scale)
    start = np.concatenate([np.full(2 * j, math.sqrt(0.5)), [0.9, 0.0]])
    bounds = [(0, 1)] * j + [(LEAST_NOISE, 2)] * j + [(0, 1), (-20, 20)]
    size = 1 + float(problem.patterns.pairs.sum())

    def loss(free: Floats) -> float:
        return float(-_log_posterior(free, problem) / size)

    optimum = minimize(
        loss, start, jac=lambda free: _gradient(loss, free), bounds=bounds, method="L-BFGS-B",
        options={"ftol": 1e-9, "gtol": 1e-6, "maxiter": 200},
    )  # fmt: skip
    return np.round(_polish(optimum.x, np.array(bounds, dtype=float), problem), _DIGITS)


def _polish(free: Floats, bounds: Floats, problem: _Problem) -> Floats:
    """Take Newton's steps from near the maximum.

    Directions that only a prior tells are a million times flatter than those that a million
    judgments tell, and the gradient hardly sees them.
    """
    best = _log_posterior(free, problem)
    for _ in range(_NEWTON_STEPS):
        slope = _gradient(lambda at: _log_posterior(at, problem), free)
        held = ((free <= bounds[:, 0]) & (slope < 0)) | ((free >= bounds[:, 1]) & (slope > 0))
        move = np.zeros_like(free)
        move[~held] = _laplace_covariance(free, problem, ~held) @ slope[~held]
        tried = np.clip(free + move, bounds[:, 0], bounds[:, 1])
        reached = _log_posterior(tried, problem)
        if reached < best - _ROUNDING * (1 + abs(best)):
            break
        free, best, far = tried, reached, float(np.max(np.abs(tried - free)))
        if far < 10.0 ** -(_DIGITS + 3):
            break
    return free


def _gradient(function: Callable[[Floats], float], at: Floats) -> Floats:
    """Return central differences, shape of `at`."""
    steps = np.eye(len(at)) * _STEP
    return np.array([(function(at + h) - function(at - h)) / (2 * _STEP) for h in steps])


def _laplace_covariance(free: Floats, problem: _Problem, among: Bools) -> Floats:
    """Return the inverse of the log-posterior's curvature in the parameters `among`, (k, k).

    A direction flatter than the priors counts as known to one unit.
    """

    def slope(at: Floats) -> Floats:
        return _gradient(lambda free: _log_posterior(free, problem), at)

    steps = np.eye(len(free))[among] * _SECOND_STEP
    rows = np.array([(slope(free + h) - slope(free - h))[among] for h in steps])
    curvature = -rows / (2 * _SECOND_STEP)
    values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
    return np.asarray((vectors / np.maximum(values, 1.0)) @ vectors.T)


def _covariance(free: Floats, problem: _Problem) -> Floats:
    """Return the covariance of all free parameters.

    Those that are on a bound, with the log-posterior falling by g per unit away from it, have an
    exponential posterior, of standard deviation 1 / g, at most that of a uniform on [0, 1]. The
    others' is Laplace's.
    """
    bound = (free[:-1] <= 0) | (free[:-1] >= 1)
    bound[len(bound) // 2 : -1] = free[len(bound) // 2 : -2] <= LEAST_NOISE
    among = ~np.r_[bound, False]
    slope = np.abs(_gradient(lambda at: _log_posterior(at, problem), free))
    cov = np.diag(np.minimum(1 / np.maximum(slope, 1e-9) ** 2, 1 / 12))
    cov[np.ix_(among, among)] = _laplace_covariance(free, problem, among)
    return cov


def _within_bounds(free: Floats) -> Floats:
    """Return the nearest parameters that are within their bounds."""
    inside = np.maximum(free, 0.0)
    inside[len(free) // 2 - 1 : -2] = np.maximum(free[len(free) // 2 - 1 : -2], LEAST_NOISE)
    inside[-2:] = min(inside[-2], 1.0), free[-1]
    return inside


def _join(cov: Floats, errors: Floats) -> Floats:
    """Return `cov` with independent parameters of standard `errors` after it."""
    whole = np.zeros((len(cov) + len(errors),) * 2)
    whole[: len(cov), : len(cov)] = cov
    whole[len(cov) :, len(cov) :] = np.diag(errors**2)
    return whole


@dataclass(frozen=True, slots=True)
class _LabelFunction:
    """The labels of all pairs as a function of the parameters."""

    votes: Votes
    problem: _Problem
    count: Ints
    pattern: Ints

    def log_odds(self, vector: Floats) -> Floats:
        """Return log-odds (N,) for (free parameters, kappa, what position biases are off by)."""
        annotators = len(self.problem.scale)
        free, kappa, bias = np.split(vector, [-2 * annotators, -annotators])
        parameters, votes = self.problem.parameters(_within_bounds(free)), self.votes
        w, v = consensus_weights(parameters, self.problem.order_variance, self.count)
        total = np.zeros(len(self.pattern))
        for j in range(annotators):  # one at a time, so that memory stays at N
            x = votes.mean[:, j] - votes.log_ratio * kappa[j] - votes.mean_side[:, j] * bias[j]
            total += w[self.pattern, j] * x
        variance = v[self.pattern]
        return label_log_odds(parameters, total * variance, variance, votes.log_ratio)
