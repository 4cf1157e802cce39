from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prefline.stats.intervals import ratio


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=60))
def test_an_interval_holds_its_value_inside_the_possible(
    observed: list[tuple[bool, int]],
) -> None:
    figure = ratio([hit for hit, _ in observed], [1] * len(observed), [g for _, g in observed])

    assert figure.value is not None
    assert 0 <= figure.low <= figure.high <= 1
    assert figure.n == len(observed)


def test_nothing_observed_is_no_figure() -> None:
    assert ratio([], [], []).value is None


def test_observations_of_one_prompt_are_not_independent() -> None:
    draw = np.random.default_rng(0).random(100) < 0.5
    hits = np.repeat(draw, 10)

    alone = ratio(hits, np.ones(1_000), np.arange(1_000))
    together = ratio(hits, np.ones(1_000), np.repeat(np.arange(100), 10))

    assert together.high - together.low > 2.5 * (alone.high - alone.low)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    random, truth, held = np.random.default_rng(1), 0.3, 0
    for trial in range(300):
        hits = random.random(200) < truth
        figure = ratio(hits, np.ones(200), np.arange(200), seed=trial)
        held += figure.low <= truth <= figure.high

    assert 0.90 <= held / 300 <= 0.99


def test_a_share_of_all_or_nothing_has_an_interval_too() -> None:
    every = ratio([True] * 30, [1] * 30, range(30))
    none = ratio([False] * 30, [1] * 30, range(30))

    # The exact interval for 30 of 30: the chance of that is 2.5 % at 0.884.
    assert (round(every.low, 3), every.high) == (0.884, 1.0)
    assert (none.low, round(none.high, 3)) == (0.0, 0.116)


def test_many_verdicts_on_one_prompt_are_little_evidence() -> None:
    assert ratio([True] * 100, [1] * 100, [0] * 100).low < 0.1
