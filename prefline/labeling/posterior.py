"""The most probable parameters of the model in `margin.py`, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from prefline.labeling.margin import Patterns, Theta, gold_density, log_density, weights
from prefline.labeling.voices import Heard

Floats = NDArray[np.float64]
# Log-odds per standard normal deviate at p = 1/2: the slope of logit(Phi(z)) at 0.
PROBIT_TO_LOGIT = math.sqrt(8 / math.pi)
LEAST_NOISE = 0.01  # of a voice's spread: numerical, so that no voice is an oracle
_STEP = 1e-4  # of first differences; all parameters are of order one
_SECOND_STEP = 1e-3  # of the differences of these
_ROUNDING = 1e-12  # relative, of a log-posterior
_NEWTON_STEPS = 10
DIGITS = 5  # to which what is sought is kept, so that the last bits of a machine do not show


@dataclass(frozen=True, slots=True)
class Lengths:
    """`kappa` (J,): log-odds of each voice per unit of log length ratio, with `se` (J,)."""

    kappa: Floats
    se: Floats


@dataclass(frozen=True, slots=True)
class Problem:
    """All that the parameters depend on. `scale` (J,) is the spread of a voice's words, which
    `a` and `tau` are multiples of while they are sought; `gold_*` are of the verified pairs
    on which a voice spoke."""

    scale: Floats
    order_variance: Floats
    patterns: Patterns
    gold_x: Floats
    gold_pattern: NDArray[np.int64]
    gold_signed: tuple[Floats, Floats]
    verifier_accuracy: float

    def theta(self, free: Floats) -> Theta:
        """From the vector sought: a / scale, tau / scale (J, J), rho, gamma."""
        voices = len(self.scale)
        a, tau = free[:voices] * self.scale, free[voices : 2 * voices] * self.scale
        return Theta(a, tau, float(free[-2]), float(free[-1]))


def length_effects(heard: Heard) -> Lengths:
    """Each voice's least-squares slope on the log length ratio through the origin, with a
    N(0, 1) prior: V the mean square of x, kappa = sum(L x) / (sum(L^2) + V)."""
    spoke = heard.count > 0
    n = np.maximum(spoke.sum(axis=0), 1)
    spread = np.maximum(np.sum(heard.mean**2, axis=0) / n, LEAST_NOISE)
    ratio = heard.log_ratio[:, None]
    precision = np.sum(spoke * ratio**2, axis=0) / spread + 1
    kappa = np.sum(heard.mean * ratio, axis=0) / spread / precision
    return Lengths(np.round(kappa, 2 * DIGITS), np.round(precision**-0.5, 2 * DIGITS))


def residuals(heard: Heard, kappa: Floats) -> Floats:
    """x (N, J) without the effect of length; 0 where a voice said nothing."""
    return np.where(heard.count > 0, heard.mean - heard.log_ratio[:, None] * kappa, 0.0)


def pose(
    heard: Heard, kappa: Floats, pattern: NDArray[np.int64], verifier_accuracy: float
) -> Problem:
    """The problem for `heard`; `pattern` (N,) numbers the distinct rows of `heard.count`."""
    x = residuals(heard, kappa)
    spoken = np.maximum(np.sum(heard.count > 0, axis=0), 1)
    scale = np.sqrt(np.maximum(np.sum(x**2, axis=0) / spoken, LEAST_NOISE)).round(2 * DIGITS)
    gold = (heard.gold != 0) & np.any(heard.count > 0, axis=1)
    return Problem(
        scale, np.array([one.order_variance for one in heard.positions]),
        _patterns(heard.count, pattern, x), x[gold], pattern[gold],
        (heard.gold[gold], heard.log_ratio[gold]), verifier_accuracy,
    )  # fmt: skip


def _patterns(count: NDArray[np.int64], pattern: NDArray[np.int64], x: Floats) -> Patterns:
    size, voices = int(pattern.max()) + 1, x.shape[1]
    shown = np.zeros((size, voices), dtype=np.int64)
    shown[pattern] = count
    cross = np.empty((size, voices, voices))
    for j in range(voices):
        for k in range(j + 1):
            sums = np.bincount(pattern, weights=x[:, j] * x[:, k], minlength=size)
            cross[:, j, k] = cross[:, k, j] = sums
    return Patterns(shown, np.bincount(pattern, minlength=size).astype(float), cross)


def slopes(theta: Theta, order_variance: Floats) -> Floats:
    """What a unit of each voice's log-odds (J,), the mean of two orders, is worth if it is alone.

    With V = a^2 + tau^2 + v / 2, P(z > 0 | x) = Phi(k x) and
    k = (rho a / V) / sqrt(1 - rho^2 a^2 / V); the slope is that of the log-odds at 0.
    """
    total = theta.a**2 + theta.tau**2 + order_variance / 2
    loading = theta.rho * theta.a
    rest = np.maximum(1 - loading**2 / total, LEAST_NOISE**2)
    return np.asarray(PROBIT_TO_LOGIT * loading / total / np.sqrt(rest))


def log_posterior(free: Floats, problem: Problem) -> float:
    """Log-posterior density of the parameters, up to a constant.

    The priors weigh as much as about one pair. Each slope, if the consensus were the truth, is
    N(1, 1): a voice is taken at its word until the data speak, and 1 means calibrated. gamma is
    N(0, 1). The density of rho is proportional to exp(rho): voices that agree are right until
    verified pairs say otherwise.
    """
    theta = problem.theta(free)
    w, v = weights(theta, problem.order_variance, problem.patterns.count)
    rows = problem.gold_pattern
    mean = np.einsum("nj,nj->n", w[rows], problem.gold_x) * v[rows]
    gold = gold_density(theta, mean, v[rows], problem.gold_signed, problem.verifier_accuracy)
    words = slopes(replace(theta, rho=1.0), problem.order_variance) - 1
    prior = theta.rho - 0.5 * (float(np.sum(words**2)) + theta.gamma**2)
    agreement = log_density(theta, problem.order_variance, problem.patterns)
    return float(agreement + gold + prior)


def most_probable(problem: Problem) -> Floats:
    """The maximum of `log_posterior` by L-BFGS-B with central differences, rounded."""
    voices = len(problem.scale)
    start = np.concatenate([np.full(2 * voices, math.sqrt(0.5)), [0.9, 0.0]])
    bounds = [(0, 1)] * voices + [(LEAST_NOISE, 2)] * voices + [(0, 1), (-20, 20)]
    size = 1 + float(problem.patterns.pairs.sum())

    def loss(free: Floats) -> float:
        return float(-log_posterior(free, problem) / size)

    found = minimize(
        loss, start, jac=lambda free: gradient(loss, free), bounds=bounds, method="L-BFGS-B",
        options={"ftol": 1e-9, "gtol": 1e-6, "maxiter": 200},
    )  # fmt: skip
    return np.round(_polished(found.x, np.array(bounds, dtype=float), problem), DIGITS)


def _polished(free: Floats, bounds: Floats, problem: Problem) -> Floats:
    """Newton's steps from near the top: directions that only a prior tells are a million times
    flatter than those that a million judgments tell, and the gradient hardly sees them."""
    best = log_posterior(free, problem)
    for _ in range(_NEWTON_STEPS):
        slope = gradient(lambda one: log_posterior(one, problem), free)
        held = ((free <= bounds[:, 0]) & (slope < 0)) | ((free >= bounds[:, 1]) & (slope > 0))
        move = np.zeros_like(free)
        inner = covariance(free, problem, ~held)
        move[~held] = inner @ slope[~held]
        tried = np.clip(free + move, bounds[:, 0], bounds[:, 1])
        reached = log_posterior(tried, problem)
        if reached < best - _ROUNDING * (1 + abs(best)):
            break
        free, best, far = tried, reached, float(np.max(np.abs(tried - free)))
        if far < 10.0 ** -(DIGITS + 3):
            break
    return free


def gradient(function: Callable[[Floats], float], at: Floats) -> Floats:
    """Central differences, shape of `at`."""
    steps = np.eye(len(at)) * _STEP
    return np.array([(function(at + h) - function(at - h)) / (2 * _STEP) for h in steps])


def covariance(free: Floats, problem: Problem, among: NDArray[np.bool_]) -> Floats:
    """The inverse of the curvature of the log-posterior (Laplace) in the parameters `among`,
    (k, k) for k of them. A direction flatter than the priors counts as known to one unit."""

    def slope(one: Floats) -> Floats:
        return gradient(lambda at: log_posterior(at, problem), one)

    steps = np.eye(len(free))[among] * _SECOND_STEP
    rows = np.array([(slope(free + h) - slope(free - h))[among] for h in steps])
    curvature = -rows / (2 * _SECOND_STEP)
    values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
    return np.asarray((vectors / np.maximum(values, 1.0)) @ vectors.T)
