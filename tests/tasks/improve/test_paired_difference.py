from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.improve.paired_difference import mean_difference, paired_difference

OUTCOMES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.sampled_from([0, 0.25, 0.5, 0.75, 1]), max_size=20
)


@given(before=OUTCOMES, after=OUTCOMES, turn=st.randoms())
def test_the_order_of_prompts_does_not_matter(
    before: dict[str, float], after: dict[str, float], turn: object
) -> None:
    shuffled = list(after.items())
    turn.shuffle(shuffled)  # type: ignore[attr-defined]

    assert paired_difference(before, dict(shuffled), 0.95) == paired_difference(before, after, 0.95)


@given(before=OUTCOMES, after=OUTCOMES)
def test_a_gain_turned_round_is_a_loss_of_the_same_size(
    before: dict[str, float], after: dict[str, float]
) -> None:
    one, other = paired_difference(before, after, 0.9), paired_difference(after, before, 0.9)

    assert (one.better, one.worse, one.n) == (other.worse, other.better, other.n)
    if one.value is not None:
        assert one.value == pytest.approx(-other.value)
        assert one.low <= one.value <= one.high


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0]), min_size=2, max_size=9))
def test_it_is_better_exactly_where_the_test_over_all_flips_rejects(drawn: list[float]) -> None:
    differences = np.array(drawn)
    flipped = [
        abs(np.dot(signs, differences))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    p = np.mean([one >= abs(differences.sum()) - 1e-9 for one in flipped])

    found = mean_difference(differences, 0.9)

    assert (found.better or found.worse) == (p <= 0.1 + 1e-9)


def test_of_rounds_that_are_alike_few_come_out_better() -> None:
    draw, better = np.random.default_rng(0), 0
    for _ in range(600):
        rates = draw.beta(1, 1, size=30)
        before, after = (draw.binomial(4, rates) / 4 for _ in range(2))
        better += mean_difference(after - before, 0.9).better

    assert better / 600 <= 0.05 + 3 * (0.05 * 0.95 / 600) ** 0.5
    assert better > 0


def test_many_prompts_take_the_normal_way_to_the_same_interval() -> None:
    draw = np.random.default_rng(1)
    few = draw.normal(0.1, 1, 1_000)
    many = np.concatenate([few, few])

    by_flips, by_normal = mean_difference(few, 0.95), mean_difference(many, 0.95)

    # The quantile of 4,000 flips has a standard error of 1.5 %: four of them.
    assert by_normal.high - by_normal.low == pytest.approx(
        (by_flips.high - by_flips.low) / 2**0.5, rel=0.06
    )


def test_one_prompt_tells_nothing() -> None:
    assert paired_difference({"a": 0.0, "b": 0.0}, {"a": 1.0}, 0.95).low is None
