"""The fit of the whole table: parameters, labels, and the uncertainty of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.pair.margin import Theta, label_log_odds, weights
from tasks.pair.posterior import (
    Problem,
    covariance,
    gradient,
    length_effects,
    most_probable,
    pose,
)
from tasks.pair.voices import Heard

Floats = NDArray[np.float64]
_STEP = 1e-4


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
        """A function of the parameters, and its standard error by the delta method."""
        vector = np.concatenate([self.free, self.kappa])
        cut = len(self.free)

        def value(one: Floats) -> float:
            return of(self.problem.theta(one[:cut]), one[cut:])

        by = gradient(value, vector)
        return value(vector), float(np.sqrt(by @ self.cov @ by))


def fit(heard: Heard, verifier_accuracy: float) -> Fit:
    """Fit the model to all judgments; `heard` has at least one voice."""
    lengths = length_effects(heard)
    count, pattern = np.unique(heard.count, axis=0, return_inverse=True)
    problem = pose(heard, lengths.kappa, pattern.ravel(), verifier_accuracy)
    free = most_probable(problem)
    cov = _with_lengths(_covariance(free, problem), lengths.se)
    rows = _Rows(heard, problem, count, pattern.ravel())
    odds = rows.log_odds(free, lengths.kappa, np.zeros(len(lengths.kappa)))
    se = rows.standard_errors(free, lengths.kappa, cov)
    return Fit(problem, free, lengths.kappa, cov, odds, se)


def _covariance(free: Floats, problem: Problem) -> Floats:
    """Of the free parameters; taken a little inside where one is on its bound."""
    inside = np.maximum(free, np.r_[np.full(len(free) - 1, 3 * _STEP), -np.inf])
    inside[-2] = min(inside[-2], 1 - 3 * _STEP)
    return covariance(inside, problem, np.ones(len(free), dtype=bool))


def _with_lengths(cov: Floats, kappa_se: Floats) -> Floats:
    whole = np.zeros((len(cov) + len(kappa_se),) * 2)
    whole[: len(cov), : len(cov)] = cov
    whole[len(cov) :, len(cov) :] = np.diag(kappa_se**2)
    return whole


@dataclass(frozen=True, slots=True)
class _Rows:
    """All pairs, for the parameters that are tried."""

    heard: Heard
    problem: Problem
    count: NDArray[np.int64]
    pattern: NDArray[np.int64]

    def log_odds(self, free: Floats, kappa: Floats, bias: Floats) -> Floats:
        """(N,); `bias` (J,) is what the position biases are changed by."""
        theta = self.problem.theta(free)
        w, v = weights(theta, self.problem.order_variance, self.count)
        x, total = self.heard, np.zeros(len(self.pattern))
        for j in range(len(kappa)):
            felt = x.mean[:, j] - x.log_ratio * kappa[j] - x.lean[:, j] * bias[j]
            total += w[self.pattern, j] * felt
        variance = v[self.pattern]
        return label_log_odds(theta, total * variance, variance, x.log_ratio)

    def standard_errors(self, free: Floats, kappa: Floats, cov: Floats) -> Floats:
        """Delta method: (N,) roots of d' C d, d the derivatives by every parameter and every
        position bias, one factor of the covariance at a time so that memory stays at N."""
        bias_se = np.array([one.bias_se for one in self.heard.positions])
        cut, end = len(free), len(free) + len(kappa)
        values, vectors = np.linalg.eigh(cov)
        spread = vectors * np.sqrt(np.maximum(values, 0.0))
        factors = np.block([
            [spread.T, np.zeros((end, len(bias_se)))],
            [np.zeros((len(bias_se), end)), np.diag(bias_se)],
        ])
        total = np.zeros(len(self.pattern))
        for factor in factors:
            h = factor * _STEP
            ahead = self.log_odds(free + h[:cut], kappa + h[cut:end], h[end:])
            behind = self.log_odds(free - h[:cut], kappa - h[cut:end], -h[end:])
            total += ((ahead - behind) / (2 * _STEP)) ** 2
        return np.sqrt(total)
