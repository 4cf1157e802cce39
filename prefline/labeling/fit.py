"""The fit of the whole table: parameters, labels, and the uncertainty of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prefline.labeling.margin import Theta, label_log_odds, weights
from prefline.labeling.posterior import (
    DIGITS,
    LEAST_NOISE,
    Problem,
    covariance,
    gradient,
    length_effects,
    log_posterior,
    most_probable,
    pose,
)
from prefline.labeling.voices import Heard

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """The parameters at their most probable, with `cov` the covariance of the vector
    (free parameters of `problem`, kappa), and each pair's `log_odds` (N,) that the lower id is
    better with their standard errors."""

    problem: Problem
    free: Floats
    kappa: Floats
    cov: Floats
    log_odds: Floats
    log_odds_se: Floats

    @property
    def theta(self) -> Theta:
        """The parameters in their own units."""
        return self.problem.theta(self.free)

    @property
    def order_variance(self) -> Floats:
        """v (J,)."""
        return self.problem.order_variance

    @property
    def gamma_se(self) -> float:
        """Standard error of the true effect of length."""
        return float(self.cov[len(self.free) - 1, len(self.free) - 1] ** 0.5)

    def each(self, of: Callable[[Theta, Floats], float]) -> tuple[float, float]:
        """A function of the parameters, and its standard error (`spread_of`)."""
        vector, cut = np.concatenate([self.free, self.kappa]), len(self.free)

        def value(one: Floats) -> Floats:
            return np.array(of(self.problem.theta(bounded(one[:cut])), one[cut:]))

        return float(value(vector)), float(spread_of(value, vector, self.cov))


def spread_of(function: Callable[[Floats], Floats], at: Floats, cov: Floats) -> Floats:
    """Standard errors of `function` of parameters with covariance `cov`.

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


def bounded(free: Floats) -> Floats:
    """The nearest parameters that are within their bounds."""
    inside = np.maximum(free, 0.0)
    inside[len(free) // 2 - 1 : -2] = np.maximum(free[len(free) // 2 - 1 : -2], LEAST_NOISE)
    inside[-2:] = min(inside[-2], 1.0), free[-1]
    return inside


def fit(heard: Heard, verifier_accuracy: float) -> Fit:
    """Fit the model to all judgments; `heard` has at least one voice."""
    lengths = length_effects(heard)
    count, pattern = np.unique(heard.count, axis=0, return_inverse=True)
    problem = pose(heard, lengths.kappa, pattern.ravel(), verifier_accuracy)
    free = most_probable(problem)
    cov = _joined(np.round(_covariance(free, problem), DIGITS + 3), lengths.se)
    rows = _Rows(heard, problem, count, pattern.ravel())
    vector = np.concatenate([free, lengths.kappa, np.zeros(len(lengths.kappa))])
    bias_se = np.array([one.bias_se for one in heard.positions])
    se = spread_of(rows.log_odds, vector, _joined(cov, bias_se))
    return Fit(problem, free, lengths.kappa, cov, rows.log_odds(vector), se)


def _covariance(free: Floats, problem: Problem) -> Floats:
    """Of the free parameters.

    Those that are on a bound, with the log-posterior falling by g per unit away from it, have an
    exponential posterior, of standard deviation 1 / g, at most that of a uniform on [0, 1]. The
    others' is Laplace's.
    """
    bound = (free[:-1] <= 0) | (free[:-1] >= 1)
    bound[len(bound) // 2 : -1] = free[len(bound) // 2 : -2] <= LEAST_NOISE
    among = ~np.r_[bound, False]
    slope = np.abs(gradient(lambda one: log_posterior(one, problem), free))
    cov = np.diag(np.minimum(1 / np.maximum(slope, 1e-9) ** 2, 1 / 12))
    cov[np.ix_(among, among)] = covariance(free, problem, among)
    return cov


def _joined(cov: Floats, errors: Floats) -> Floats:
    """`cov` and independent parameters with standard `errors` after it."""
    whole = np.zeros((len(cov) + len(errors),) * 2)
    whole[: len(cov), : len(cov)] = cov
    whole[len(cov) :, len(cov) :] = np.diag(errors**2)
    return whole


@dataclass(frozen=True, slots=True)
class _Rows:
    """All pairs, for the parameters that are tried."""

    heard: Heard
    problem: Problem
    count: NDArray[np.int64]
    pattern: NDArray[np.int64]

    def log_odds(self, vector: Floats) -> Floats:
        """(N,), for the vector (free parameters, kappa, what position biases are off by)."""
        voices = len(self.problem.scale)
        free, kappa, bias = np.split(vector, [-2 * voices, -voices])
        theta, heard = self.problem.theta(bounded(free)), self.heard
        w, v = weights(theta, self.problem.order_variance, self.count)
        total = np.zeros(len(self.pattern))
        for j in range(voices):  # one at a time, so that memory stays at N
            felt = heard.mean[:, j] - heard.log_ratio * kappa[j] - heard.lean[:, j] * bias[j]
            total += w[self.pattern, j] * felt
        variance = v[self.pattern]
        return label_log_odds(theta, total * variance, variance, heard.log_ratio)
