from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.config import TargetParams
from tasks.sample.target import ALL, Progress, next_draw, params_of, wanted


def test_a_target_that_is_met_ends_the_draws() -> None:
    draw = next_draw(TargetParams(preferences=50), Progress({ALL: 40}, {ALL: 50}), 1)

    assert draw.prompts is None
    assert "reached" in draw.says


def test_the_next_draw_is_as_large_as_the_yield_asks_for() -> None:
    draw = next_draw(TargetParams(preferences=100), Progress({ALL: 40}, {ALL: 80}), 1)

    assert draw.prompts == {ALL: 51}  # 20 missing at 2 a prompt, a tenth added


def test_a_small_draw_is_not_believed_beyond_four_times_its_size() -> None:
    draw = next_draw(TargetParams(preferences=1_000_000), Progress({ALL: 40}, {ALL: 1}), 1)

    assert draw.prompts == {ALL: 160}


def test_each_category_gets_what_its_own_yield_asks_for() -> None:
    target = TargetParams(preferences=100, categories={"maths": 0.5, "poems": 0.5})
    now = Progress({"maths": 40, "poems": 20}, {"maths": 50, "poems": 10})

    draw = next_draw(target, now, 1)

    assert draw.prompts == {"maths": 40, "poems": 80}
    assert params_of(draw.prompts) == {
        "sample.size": 120,
        "sample.mix.categories": {"maths": 40 / 120, "poems": 80 / 120},
    }


@pytest.mark.parametrize(
    ("now", "n_draws", "usd_left", "word"),
    [
        (Progress({ALL: 40}, {ALL: 5}, frozenset({ALL})), 1, None, "add sources"),
        (Progress({ALL: 40}, {ALL: 5}), 3, None, "max_rounds"),
        (Progress({ALL: 40}, {}), 2, None, "data/rejections"),
        (Progress({ALL: 200}, {ALL: 5}), 1, None, "max_prompts"),
        (Progress({ALL: 40}, {ALL: 5}, cost_usd=4.0), 1, 0.05, "spend_limit_usd"),
    ],
)
def test_where_it_cannot_be_reached_it_says_why(
    now: Progress, n_draws: int, usd_left: float | None, word: str
) -> None:
    target = TargetParams(preferences=100, max_prompts=200, max_rounds=3)

    draw = next_draw(target, now, n_draws, usd_left)

    assert draw.prompts is None
    assert word in draw.says


def test_a_draw_is_no_larger_than_what_the_spend_limit_pays() -> None:
    now = Progress({ALL: 40}, {ALL: 40}, cost_usd=4.0)

    draw = next_draw(TargetParams(preferences=1_000), now, 1, usd_left=1.0)

    assert draw.prompts == {ALL: 50}


@given(
    yields=st.dictionaries(st.sampled_from("abc"), st.floats(0.05, 6), min_size=1),
    there=st.integers(50, 5_000),
    preferences=st.integers(1, 4_000),
)
@settings(max_examples=50)
def test_draws_grow_until_the_target_is_reached_or_a_reason_is_given(
    yields: dict[str, float], there: int, preferences: int
) -> None:
    target = TargetParams(
        preferences=preferences, categories={name: 1 / len(yields) for name in yields}
    )
    prompts = dict.fromkeys(yields, 5)
    for n_draws in range(1, target.max_rounds + 1):
        drawn = {name: min(there, count) for name, count in prompts.items()}
        passed = {name: int(drawn[name] * yields[name]) for name in yields}
        exhausted = frozenset(name for name in yields if prompts[name] > there)
        draw = next_draw(target, Progress(drawn, passed, exhausted), n_draws)
        if draw.prompts is None:
            break
        assert all(draw.prompts[name] >= drawn[name] for name in yields)
        assert draw.prompts != drawn
        prompts = dict(draw.prompts)
    assert draw.prompts is None
    reached = all(passed[name] >= count for name, count in wanted(target).items())
    assert ("reached" in draw.says) == reached
