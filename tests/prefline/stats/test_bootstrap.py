from __future__ import annotations

import numpy as np
import pytest

from prefline.stats.bootstrap import BLOCKS, Resampler
from prefline.stats.intervals import ratio


def test_intervals_are_as_wide_as_those_of_the_plain_bootstrap() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(400), 5)
    hits = random.random(2_000) < np.repeat(random.random(400), 5)
    plain = ratio(hits, np.ones(2_000), groups)
    found = Resampler.of(groups, 0).share(hits, groups)

    assert found.value == plain.value
    assert found.high - found.low == pytest.approx(plain.high - plain.low, rel=0.1)


def test_blocks_of_prompts_tell_the_same_spread_as_prompts() -> None:
    groups = np.arange(40 * BLOCKS) // 4
    hits = np.random.default_rng(0).random(len(groups)) < 0.3
    found = Resampler.of(groups, 0).share(hits, groups)

    assert found.high - found.low == pytest.approx(2 * 1.96 * (0.21 / len(groups)) ** 0.5, rel=0.1)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    random, held, groups = np.random.default_rng(1), 0, np.repeat(np.arange(100), 3)
    for trial in range(300):
        chance = np.repeat(random.beta(2, 3, 100), 3)
        found = Resampler.of(groups, trial).share(random.random(300) < chance, groups)
        held += found.low <= 0.4 <= found.high

    assert 0.92 <= held / 300 <= 0.98


def test_a_share_without_spread_has_the_exact_interval() -> None:
    groups = np.arange(10)
    found = Resampler.of(groups, 0).share(np.ones(10, dtype=bool), groups)

    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(0.025**0.1)


def test_one_prompt_tells_a_value_and_no_spread() -> None:
    groups = np.zeros(4, dtype=np.int64)
    found = Resampler.of(groups, 0).share(np.array([True, False, True, True]), groups)

    assert (found.value, found.low, found.high) == (0.75, None, None)


def test_the_seed_decides_the_interval() -> None:
    groups, hits = np.arange(50), np.arange(50) % 3 == 0
    one, same, other = (Resampler.of(groups, seed).share(hits, groups) for seed in (1, 1, 2))

    assert one == same
    assert one != other
