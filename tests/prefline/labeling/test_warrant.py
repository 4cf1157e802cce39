from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from prefline.labeling.warrant import THRESHOLDS, agreement_by_threshold


def test_agreement_is_of_the_labels_above_each_threshold_with_its_exact_interval() -> None:
    p = np.array([0.55] * 20 + [0.92] * 30)
    right = np.array([True] * 10 + [False] * 10 + [True] * 27 + [False] * 3)
    rows = {row.threshold: row for row in agreement_by_threshold(p, right)}

    assert (rows[0.5].n, rows[0.5].agrees) == (50, pytest.approx(37 / 50))
    assert (rows[0.9].n, rows[0.9].agrees) == (30, pytest.approx(0.9))
    for row, agreeing in ((rows[0.5], 37), (rows[0.9], 27)):
        interval = binomtest(agreeing, row.n).proportion_ci(0.95, "exact")
        assert (row.low, row.high) == pytest.approx(tuple(interval), abs=1e-6)


def test_where_no_anchor_is_nothing_is_claimed() -> None:
    rows = agreement_by_threshold(np.zeros(0), np.zeros(0, dtype=bool))

    assert [row.threshold for row in rows] == list(THRESHOLDS)
    assert {(row.n, row.agrees, row.low, row.high) for row in rows} == {(0, None, None, None)}


def test_labels_that_are_always_right_have_an_open_end() -> None:
    (row, *_) = agreement_by_threshold(np.full(10, 0.9), np.ones(10, dtype=bool))

    assert row.high == 1.0
    assert row.low == pytest.approx(0.025 ** (1 / 10), abs=1e-6)
