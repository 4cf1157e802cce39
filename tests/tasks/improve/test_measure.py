from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.stats.bootstrap import Figure
from tasks.improve import judge_strength, measure_judge


@pytest.mark.parametrize(
    ("figure", "found"),
    [
        (Figure(0.8, 0.7, 0.9, 100), "stronger"),
        (Figure(0.6, 0.53, 0.67, 100), "unclear"),
        (Figure(0.5, 0.4, 0.6, 100), "unclear"),
        (Figure(0.5, 0.46, 0.54, 900), "not_stronger"),
        (Figure(None, None, None, 0), "unclear"),
        (None, "unclear"),
    ],
)
def test_a_judge_is_stronger_only_with_its_whole_interval(
    figure: Figure | None, found: str
) -> None:
    assert judge_strength(figure) == found


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from("abcd")), max_size=30))
def test_the_order_of_pairs_does_not_matter(pairs: list[tuple[float, str]]) -> None:
    right, prompts = [one for one, _ in pairs], [one for _, one in pairs]

    assert measure_judge(right, prompts) == measure_judge(right[::-1], prompts[::-1])


def test_no_need_below_chance_is_taken() -> None:
    assert judge_strength(Figure(0.48, 0.47, 0.49, 9_000), needed=0.2) == "not_stronger"
