"""Logistic regression on targets of 0 to 1: few sparse terms per row, or many dense ones.

scikit-learn's takes labels, not probabilities, and statsmodels has neither sparse terms nor a
ridge for each coefficient beside the Hessian; so the two objectives are written here and
optimised by numpy's and scipy's solvers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from prefline.stats import Floats, Ints

_STEPS, _TOLERANCE, _LONGEST = 100, 1e-8, 5.0


@dataclass(frozen=True, slots=True)
class Terms:
    """The sparse terms of n rows: row i is sum_j values[i, j] * beta[columns[i, j]].

    Both arrays have shape `(n, terms)`; beta has `width` entries.
    """

    columns: Ints
    values: Floats
    width: int

    def times(self, beta: Floats) -> Floats:
        """Return the linear predictor, shape `(n,)`."""
        predictor: Floats = (self.values * beta[self.columns]).sum(axis=1)
        return predictor

    def sums(self, weights: Floats) -> Floats:
        """Return X' weights, shape `(width,)`, for weights of shape `(n,)`."""
        weighted = (self.values * weights[:, None]).ravel()
        return np.bincount(self.columns.ravel(), weighted, self.width).astype(np.float64)

    def squares(self, weights: Floats) -> Floats:
        """Return X' diag(weights) X, shape `(width, width)`."""
        total = np.zeros(self.width**2)
        for i in range(self.columns.shape[1]):
            for j in range(self.columns.shape[1]):
                index = self.columns[:, i] * self.width + self.columns[:, j]
                weighted = self.values[:, i] * self.values[:, j] * weights
                total += np.bincount(index, weighted, self.width**2)
        return total.reshape(self.width, self.width)


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted regression: `beta`, the inverse of the Hessian, and target - fitted by row."""

    beta: Floats
    inverse: Floats
    residual: Floats

    def influence(self, terms: Terms, direction: Floats) -> Floats:
        """Return how direction . beta moves with the weight of each row, shape `(n,)`."""
        return terms.times(self.inverse @ direction) * self.residual


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), without overflow."""
    probability: Floats = 0.5 * (1 + np.tanh(x / 2))
    return probability


def cross_entropy(logits: Floats, target: Floats) -> Floats:
    """Return the cross-entropy of sigmoid(logits) and targets of 0 to 1, in nats, shape `(n,)`."""
    entropy: Floats = np.logaddexp(0.0, logits) - target * logits
    return entropy


def fit(
    terms: Terms, target: Floats, ridge: Floats | float = 0.0, offset: Floats | None = None
) -> Fit | None:
    """Maximise the likelihood by Newton's method; targets, shape `(n,)`, may be any of 0 to 1.

    sum(ridge / 2 * beta^2), with one ridge for all or an array of `(width,)`, is added to the
    negative log-likelihood; `offset` to the linear predictor. None where there is no finite
    maximum: separated rows, or terms that say the same.
    """
    beta, fixed = np.zeros(terms.width), np.zeros(len(target)) if offset is None else offset
    for _ in range(_STEPS):
        fitted = sigmoid(terms.times(beta) + fixed)
        hessian = terms.squares(fitted * (1 - fitted)) + np.eye(terms.width) * ridge
        if np.linalg.cond(hessian) > 1 / np.finfo(float).eps:
            return None
        step = np.linalg.solve(hessian, terms.sums(target - fitted) - ridge * beta)
        longest = float(np.abs(step).max())
        beta = beta + step * (_LONGEST / max(longest, _LONGEST))
        if longest < _TOLERANCE:
            inverse: Floats = np.linalg.inv(hessian).astype(np.float64)
            return Fit(beta, inverse, target - fitted)
    return None


def fit_dense(blocks: Iterable[Floats], target: Floats, ridge: float) -> Floats:
    """Return the coefficients, shape `(width,)`, of dense rows, shape `(n, width)`, that come in
    blocks: these are iterated once for each step.

    `ridge` / 2 |beta|^2, above 0, is added to the cross-entropy of all rows together, so there is
    one minimum. By L-BFGS: with thousands of columns (embeddings) a Hessian costs too much.
    """
    from scipy.optimize import minimize

    def loss(beta: Floats) -> tuple[float, Floats]:
        value, slope, start = 0.0, np.zeros(len(beta)), 0
        for x in blocks:
            logits, of_block = x @ beta, target[start : start + len(x)]
            value += float(np.sum(cross_entropy(logits, of_block)))
            slope += x.T @ (sigmoid(logits) - of_block)
            start += len(x)
        return float(value + ridge / 2 * beta @ beta), slope + ridge * beta

    start, options = np.zeros(next(iter(blocks)).shape[1]), {"maxiter": 1_000, "gtol": 1e-7}
    beta: Floats = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return beta
