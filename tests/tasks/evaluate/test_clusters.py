from __future__ import annotations

import numpy as np
import pytest

from prefline.stats.bootstrap import Resampler
from tasks.evaluate.clusters import numbered, paired_difference, share
from tests.tasks.evaluate.material import known


def test_prompts_are_numbered_by_name_and_not_by_row() -> None:
    assert numbered(["b", "a", "b"]).tolist() == [1, 0, 1]


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_share_without_spread_reaches_as_far_as_unseen_prompts_could_take_it(
    value: float,
) -> None:
    clusters = np.arange(20)
    found = share(np.full(20, value), clusters, Resampler.of(clusters, 0))
    unseen = 1 - 0.025 ** (1 / 20)

    assert found.value == value
    assert found.low == pytest.approx(value - unseen * value)
    assert found.high == pytest.approx(value + unseen * (1 - value))


def test_two_that_never_differ_may_still_differ_on_prompts_that_were_not_drawn() -> None:
    clusters = np.arange(20)
    found = paired_difference(np.ones(20), np.ones(20), clusters, Resampler.of(clusters, 0))

    assert (found.value, found.n) == (0, 20)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert found.low == pytest.approx(-(1 - 0.025 ** (1 / 20)))


def test_one_prompt_tells_nothing_of_the_spread() -> None:
    clusters = np.zeros(5, dtype=np.int64)
    found = share(np.array([1.0, 0, 1, 1, 0]), clusters, Resampler.of(clusters, 0))

    assert (found.value, found.low, found.high) == (0.6, None, None)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    random, held = np.random.default_rng(0), 0
    clusters = np.repeat(np.arange(60), 4)
    sampler = Resampler.of(clusters, 0)
    for _ in range(200):
        ability = np.repeat(random.beta(2, 3, 60), 4)
        found = share((random.random(240) < ability).astype(float), clusters, sampler)
        low, _, high = known(found)
        held += low <= 0.4 <= high

    assert held >= 180
