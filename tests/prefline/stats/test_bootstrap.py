from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.stats.bootstrap import BLOCKS, Resampler, ratio


def test_intervals_are_as_wide_as_those_of_the_plain_bootstrap() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(400), 5)
    hits = random.random(2_000) < np.repeat(random.random(400), 5)
    by_group = hits.reshape(400, 5).mean(axis=1)
    resampled = [random.choice(by_group, 400).mean() for _ in range(1_000)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    found = Resampler.of(groups, 0).share(hits, groups)

    assert found.value == pytest.approx(hits.mean())
    assert found.high - found.low == pytest.approx(high - low, rel=0.1)


def test_blocks_of_prompts_tell_the_same_spread_as_prompts() -> None:
    groups = np.arange(40 * BLOCKS) // 4
    hits = np.random.default_rng(0).random(len(groups)) < 0.3
    found = Resampler.of(groups, 0).share(hits, groups)

    assert found.high - found.low == pytest.approx(2 * 1.96 * (0.21 / len(groups)) ** 0.5, rel=0.1)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    random, held, groups = np.random.default_rng(1), 0, np.repeat(np.arange(100), 3)
    for trial in range(200):
        chance = np.repeat(random.beta(2, 3, 100), 3)
        found = Resampler.of(groups, trial).share(random.random(300) < chance, groups)
        held += found.low <= 0.4 <= found.high

    assert 0.91 <= held / 200 <= 0.99


def test_one_prompt_tells_a_value_and_no_spread() -> None:
    groups = np.zeros(4, dtype=np.int64)
    found = Resampler.of(groups, 0).share(np.array([True, False, True, True]), groups)

    assert (found.value, found.low, found.high) == (0.75, None, None)


def test_the_seed_decides_the_interval() -> None:
    groups, hits = np.arange(50), np.arange(50) % 3 == 0
    one, same, other = (Resampler.of(groups, seed).share(hits, groups) for seed in (1, 1, 2))

    assert one == same
    assert one != other


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=60))
def test_an_interval_holds_its_value_inside_the_possible(
    observed: list[tuple[bool, int]],
) -> None:
    groups = [group for _, group in observed]
    figure = ratio([hit for hit, _ in observed], [1] * len(observed), groups)

    assert figure.value is not None
    assert figure.n == len(observed)
    if len(set(groups)) > 1 or figure.value in (0.0, 1.0):
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
    else:  # one prompt tells nothing of the spread
        assert (figure.low, figure.high) == (None, None)


def test_nothing_observed_is_no_figure() -> None:
    assert ratio([], [], []).value is None
    assert ratio([0], [0], [1]).value is None


def test_groups_may_be_named_and_their_order_makes_no_difference() -> None:
    hits, names = [1, 0, 1, 1], ["b", "b", "a", "c"]

    assert ratio(hits, [1] * 4, names) == ratio(hits[::-1], [1] * 4, names[::-1])


def test_observations_of_one_prompt_are_not_independent() -> None:
    draw = np.random.default_rng(0).random(100) < 0.5
    hits = np.repeat(draw, 10)

    alone = ratio(hits, np.ones(1_000), np.arange(1_000))
    together = ratio(hits, np.ones(1_000), np.repeat(np.arange(100), 10))

    assert together.high - together.low > 2.5 * (alone.high - alone.low)


def test_a_share_of_all_or_nothing_has_the_exact_interval() -> None:
    every = ratio([True] * 30, [1] * 30, range(30))
    none = ratio([False] * 30, [1] * 30, range(30))

    # The exact interval for 30 of 30: the chance of that is 2.5 % at 0.884.
    assert (round(every.low, 3), every.high) == (0.884, 1.0)
    assert (none.low, round(none.high, 3)) == (0.0, 0.116)


def test_many_verdicts_on_one_prompt_are_little_evidence() -> None:
    assert ratio([True] * 100, [1] * 100, [0] * 100).low < 0.1
