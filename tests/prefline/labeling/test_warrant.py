from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from prefline.labeling.warrant import (
    THRESHOLDS,
    Standard,
    agreement_by_threshold,
    anchors_needed,
    missing_anchors,
    warranted_threshold,
)


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


def drawn(seed: int, n: int, rate: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Probabilities of n labels, and which are right: with the chance `rate` of the probability."""
    random = np.random.default_rng(seed)
    p = random.uniform(0.6, 0.99, n)
    return p, random.random(n) < rate(p)


@pytest.mark.parametrize(
    "rate",
    [lambda p: p, lambda p: 0.5 + 0.75 * (p - 0.5), lambda p: 0.88 + 0 * p, lambda p: 0.5 + 0 * p],
    ids=["calibrated", "overconfident", "just below", "at chance"],
)
def test_a_threshold_is_wrong_no_more_often_than_its_confidence_allows(
    rate: Callable[[Any], Any],
) -> None:
    table = np.linspace(0.6, 0.99, 2_000)
    wrong = 0
    for seed in range(200):
        found = warranted_threshold(*drawn(seed, 150, rate), Standard(0.9, 0.9))
        wrong += found is not None and rate(table[table >= found]).mean() < 0.9

    assert wrong <= 20 + 8  # two standard errors


def test_good_labels_are_warranted_from_low_on_and_calibrated_ones_near_the_truth() -> None:
    good = [
        warranted_threshold(*drawn(seed, 300, lambda p: np.minimum(p + 0.1, 0.99)), Standard())
        for seed in range(20)
    ]
    fair = [warranted_threshold(*drawn(seed, 2_000, lambda p: p), Standard()) for seed in range(20)]

    assert np.median([one for one in good if one is not None]) <= 0.7
    assert sum(one is None for one in good) <= 1
    # Those above 0.81 are right in 0.9 on average.
    assert 0.8 <= np.median([one or 1.0 for one in fair]) <= 0.88


def test_a_threshold_passes_the_exact_binomial_test_and_so_does_all_before_it() -> None:
    p, right = drawn(3, 400, lambda p: np.minimum(p + 0.05, 0.99))
    found = warranted_threshold(p, right, Standard(0.9, 0.95))
    assert found is not None
    above = p >= found
    test = binomtest(int(right[above].sum()), int(above.sum()), 0.9, alternative="greater")

    assert test.pvalue <= 0.05


@pytest.mark.parametrize(("agreement", "confidence", "least"), [(0.9, 0.9, 22), (0.8, 0.95, 14)])
def test_with_fewer_anchors_than_can_warrant_anything_nothing_is(
    agreement: float, confidence: float, least: int
) -> None:
    standard = Standard(agreement, confidence)
    for n, warranted in ((0, False), (least - 1, False), (least, True)):
        p, right = np.full(n, 0.99), np.ones(n, dtype=bool)
        assert (warranted_threshold(p, right, standard) is not None) is warranted


def test_as_many_anchors_as_are_said_to_be_needed_pass_four_times_in_five() -> None:
    standard = Standard()
    n = anchors_needed(0.96, standard)
    assert n is not None
    random = np.random.default_rng(0)
    passed = [
        warranted_threshold(np.full(n, 0.96), random.random(n) < 0.96, standard) is not None
        for _ in range(300)
    ]

    assert np.mean(passed) == pytest.approx(0.8, abs=0.08)
    assert anchors_needed(0.9, standard) is None


def test_missing_anchors_are_fewer_once_some_are_there_and_none_help_bad_labels() -> None:
    claimed = np.random.default_rng(0).uniform(0.7, 0.99, 3_000)
    p, right = drawn(1, 60, lambda p: np.minimum(p + 0.05, 0.99))
    nothing = np.zeros(0)
    at_first = missing_anchors(nothing, nothing.astype(bool), claimed, Standard())
    later = missing_anchors(p, right, claimed, Standard())

    assert at_first is not None
    assert later is not None
    assert later[1] < at_first[1]
    wrong = np.arange(200) % 2 == 0
    assert missing_anchors(np.full(200, 0.99), wrong, claimed, Standard()) is None
