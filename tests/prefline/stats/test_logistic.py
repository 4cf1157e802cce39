from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from prefline.stats.logistic import Terms, fit, fit_dense


def test_the_regression_finds_the_maximum_that_a_general_optimiser_finds() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(200, 3)), random.random(200)
    terms = Terms(np.tile(np.arange(3), (200, 1)), x, 3)
    found = fit(terms, y, 0.5)
    assert found is not None

    def loss(beta: np.ndarray) -> float:
        z = x @ beta
        return float(np.sum(np.logaddexp(0, z) - y * z) + 0.25 * beta @ beta)

    assert found.beta == pytest.approx(minimize(loss, np.zeros(3)).x, abs=1e-4)


def test_influence_is_what_leaving_out_a_row_does() -> None:
    random = np.random.default_rng(1)
    x, y = random.normal(size=(400, 2)), random.random(400)
    terms = Terms(np.tile(np.arange(2), (400, 1)), x, 2)
    whole, part = fit(terms, y), fit(Terms(terms.columns[1:], x[1:], 2), y[1:])
    assert whole is not None
    assert part is not None
    influence = whole.influence(terms, np.array([0.0, 1.0]))[0]

    assert whole.beta[1] - part.beta[1] == pytest.approx(influence, rel=0.05)


def test_the_fit_of_dense_rows_is_that_of_sparse_terms_in_whatever_blocks() -> None:
    random = np.random.default_rng(2)
    x, y = random.normal(size=(300, 5)), random.random(300)
    sparse = fit(Terms(np.tile(np.arange(5), (300, 1)), x, 5), y, 2.0)
    assert sparse is not None

    assert fit_dense([x], y, 2.0) == pytest.approx(sparse.beta, abs=1e-5)
    assert fit_dense([x[:120], x[120:]], y, 2.0) == pytest.approx(fit_dense([x], y, 2.0), abs=1e-9)
