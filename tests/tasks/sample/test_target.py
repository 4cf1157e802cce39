from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.config import TargetParams
from tasks.sample.target import ALL, Progress, next_draw, params_of, wanted, yields


def test_a_target_that_is_met_ends_the_draws() -> None:
    draw = next_draw(TargetParams(preferences=50), [Progress({ALL: 40}, {ALL: 50})])

    assert draw.prompts is None
    assert "reached" in draw.says


def test_the_second_draw_goes_for_half_of_what_is_missing_and_later_ones_for_more() -> None:
    target, now = TargetParams(preferences=180), Progress({ALL: 40}, {ALL: 80})

    assert next_draw(target, [now]).prompts == {ALL: 40 + 25}  # 50 of 100, at 2 a prompt
    assert next_draw(target, [now, now]).prompts == {ALL: 40 + 40}


@pytest.mark.parametrize(("preferences", "max_rounds"), [(88, 8), (180, 2)])
def test_the_last_draw_goes_for_all_and_for_what_chance_may_take(
    preferences: int, max_rounds: int
) -> None:
    target = TargetParams(preferences=preferences, max_rounds=max_rounds)
    missing = preferences - 80

    draw = next_draw(target, [Progress({ALL: 40}, {ALL: 80})])

    assert draw.prompts == {ALL: 40 + math.ceil((missing + math.sqrt(missing)) / 2)}


def test_a_small_draw_is_not_believed_beyond_four_times_its_size() -> None:
    draw = next_draw(TargetParams(preferences=1_000_000), [Progress({ALL: 40}, {ALL: 1})])

    assert draw.prompts == {ALL: 160}


def test_a_cell_of_few_prompts_is_believed_little() -> None:
    now = Progress({"few": 2, "many": 98}, {"many": 200})

    of_further = yields([now], now.drawn)

    assert 0 < of_further["few"] < 2
    assert of_further["many"] == pytest.approx(200 / 98, rel=0.01)


def test_a_yield_that_rises_is_that_of_the_last_draw() -> None:
    draws = [Progress({ALL: 20}, {ALL: 5}), Progress({ALL: 80}, {ALL: 125})]

    assert yields(draws, [ALL])[ALL] == pytest.approx((120 + 10 * 125 / 80) / 70)


def test_each_category_gets_what_its_own_yield_asks_for() -> None:
    target = TargetParams(preferences=200, categories={"maths": 0.5, "poems": 0.5})
    now = Progress({"maths": 90, "poems": 90}, {"maths": 100, "poems": 35})

    draw = next_draw(target, [now])

    assert draw.prompts == {"maths": 90, "poems": 90 + math.ceil(0.5 * 65 / 0.4243)}
    assert params_of(draw.prompts)["sample.mix.categories"]["maths"] == 90 / sum(
        draw.prompts.values()
    )


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

    draw = next_draw(target, [now] * n_draws, usd_left)

    assert draw.prompts is None
    assert word in draw.says


def test_a_draw_is_no_larger_than_what_the_spend_limit_pays() -> None:
    now = Progress({ALL: 40}, {ALL: 40}, cost_usd=4.0)

    draw = next_draw(TargetParams(preferences=1_000), [now], usd_left=1.0)

    assert draw.prompts == {ALL: 50}


@given(
    per_prompt=st.dictionaries(st.sampled_from("abc"), st.floats(0.05, 6), min_size=1),
    there=st.integers(50, 5_000),
    preferences=st.integers(1, 4_000),
)
@settings(max_examples=20)
def test_draws_grow_until_the_target_is_reached_or_a_reason_is_given(
    per_prompt: dict[str, float], there: int, preferences: int
) -> None:
    target = TargetParams(
        preferences=preferences, categories={name: 1 / len(per_prompt) for name in per_prompt}
    )
    prompts, draws = dict.fromkeys(per_prompt, 5), list[Progress]()
    for _ in range(target.max_rounds):
        drawn = {name: min(there, count) for name, count in prompts.items()}
        passed = {name: int(drawn[name] * per_prompt[name]) for name in per_prompt}
        exhausted = frozenset(name for name in per_prompt if prompts[name] > there)
        draws.append(Progress(drawn, passed, exhausted))
        draw = next_draw(target, draws)
        if draw.prompts is None:
            break
        assert all(draw.prompts[name] >= drawn[name] for name in per_prompt)
        assert draw.prompts != drawn
        prompts = dict(draw.prompts)
    assert draw.prompts is None
    reached = all(passed[name] >= count for name, count in wanted(target).items())
    assert ("reached" in draw.says) == reached


@pytest.mark.parametrize(("preferences", "surplus"), [(120, 0.1), (2_000, 0.02)])
def test_few_preferences_are_made_beyond_the_target_and_few_draws_for_it(
    preferences: int, surplus: float
) -> None:
    """Of six pairs a prompt, of which 4 in 10 pass once the label model has seen many."""
    surpluses, counts = [], []
    for seed in range(20):
        random, target = np.random.default_rng(seed), TargetParams(preferences=preferences)
        hard, size, draws = random.uniform(0, 2.5, (2_000, 6)), 20, list[Progress]()
        while True:
            passed = int((hard[:size] < size / (size + 40)).sum())
            draws.append(Progress({ALL: size}, {ALL: passed}))
            draw = next_draw(target, draws)
            if draw.prompts is None:
                break
            size = draw.prompts[ALL]
        assert "reached" in draw.says
        surpluses.append(passed / preferences - 1)
        counts.append(len(draws))

    assert np.median(surpluses) <= surplus
    assert np.median(counts) <= 5
