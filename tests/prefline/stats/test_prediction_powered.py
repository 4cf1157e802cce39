from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest

from prefline.stats.bootstrap import NOTHING
from prefline.stats.prediction_powered import prediction_powered_mean


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package of PPI++'s authors. It compiles with numba what the mean does not use, so numba
    (200 MB) is not installed, and its decorator has a stand-in."""
    numba = types.ModuleType("numba")
    numba.njit = lambda function: function  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "numba", numba)
    import ppi_py

    return ppi_py


def drawn(seed: int, n: int, others: int, worth: float) -> tuple[Any, Any, Any]:
    """Measured rows, and predictions that are worth something (1: calibrated) or nothing (0)."""
    random = np.random.default_rng(seed)
    p = random.uniform(0.5, 1, n + others)
    right = random.random(n + others) < worth * p + (1 - worth) * 0.7
    return right[:n].astype(float), p[:n], p[n:]


@pytest.mark.filterwarnings("ignore")
def test_mean_and_interval_are_those_of_the_authors_package(reference: Any) -> None:
    cases = [(0, 60, 1000, 1.0), (1, 25, 40, 1.0), (2, 200, 100, 0.0), (3, 30, 5000, 0.5)]
    for case in cases:
        measured, predicted, rest = drawn(*case)
        for level in (0.9, 0.95):
            figure = prediction_powered_mean(measured, predicted, rest, level)
            low, high = reference.ppi_mean_ci(measured, predicted, rest, alpha=1 - level)

            assert (figure.low, figure.high) == pytest.approx((low[0], high[0]), abs=1e-12)
            value = reference.ppi_mean_pointestimate(measured, predicted, rest)[0]
            assert figure.value == pytest.approx(value, abs=1e-12)


def test_predictions_that_tell_something_make_the_interval_narrower() -> None:
    measured, _, rest = drawn(0, 60, 2000, 1.0)
    told = prediction_powered_mean(measured, 0.4 + measured / 2, rest)
    alone = prediction_powered_mean(measured, np.full(60, 0.8), rest)

    assert told.low is not None
    assert told.high is not None
    assert alone.low is not None
    assert alone.high is not None
    assert alone.value == pytest.approx(measured.mean())
    assert told.high - told.low < alone.high - alone.low


def test_the_interval_holds_the_mean_of_the_table_as_often_as_it_says() -> None:
    held = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        p = random.uniform(0.5, 1, 3000)
        right = (random.random(3000) < p**2).astype(float)
        figure = prediction_powered_mean(right[:100], p[:100], p[100:])
        assert figure.low is not None
        assert figure.high is not None
        held += figure.low <= right.mean() <= figure.high

    assert 0.92 <= held / 400 <= 0.98


def test_of_nothing_measured_nothing_is_told() -> None:
    assert prediction_powered_mean(np.zeros(0), np.zeros(0), np.full(9, 0.7)) == NOTHING
    one = prediction_powered_mean(np.ones(1), np.ones(1), np.full(9, 0.7))
    assert (one.value, one.low, one.high, one.n) == (1.0, None, None, 1)
