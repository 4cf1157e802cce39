from __future__ import annotations

import math
import random as random_of
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.errors import TableError
from tasks.evaluate.reward_model import BestOfN, best_of_n
from tests.tasks.evaluate.material import known

Response = tuple[str, float, bool, int]  # prompt, reward, whether it passed, length

RESPONSES = st.lists(
    st.tuples(
        st.sampled_from("pqrst"),
        st.sampled_from([-1.0, 0.0, 1.0, math.nan]),
        st.booleans(),
        st.integers(1, 3),
    ),
    max_size=20,
)


def of(*responses: Response) -> BestOfN:
    columns: Any = zip(*responses, strict=True) if responses else ([], [], [], [])
    return best_of_n(*(list(one) for one in columns))


def test_the_response_of_the_highest_reward_is_held_against_any_and_the_longest() -> None:
    found = of(
        ("p", 2.0, True, 1), ("p", 1.0, False, 5), ("p", 0.0, False, 2), ("p", 0.5, True, 3),
        ("q", 0.0, True, 9), ("q", 1.0, False, 1),
    )  # fmt: skip

    assert found.picked.value == pytest.approx(0.5)
    assert found.random.value == pytest.approx(0.5)
    assert found.longest.value == pytest.approx(0.5)
    assert found.best.value == pytest.approx(1)
    assert (found.n_prompts, found.n_mixed) == (2, 2)


def test_among_equal_rewards_each_is_as_likely() -> None:
    found = of(("p", 1.0, True, 1), ("p", 1.0, False, 1), ("p", 0.0, False, 1))

    assert found.picked.value == pytest.approx(0.5)
    assert found.longest.value == pytest.approx(1 / 3)


def test_prompts_without_a_choice_are_counted_and_in_no_figure() -> None:
    found = of(
        ("p", 1.0, True, 1), ("p", 0.0, False, 1),
        ("q", 1.0, False, 1),
        ("r", math.nan, False, 1), ("r", 1.0, False, 1),
        ("s", math.nan, False, 1),
    )  # fmt: skip

    assert (found.n_prompts, found.n_without_choice, found.n_unscored) == (1, 3, 2)
    assert (found.picked.value, found.picked.n) == (1, 1)


def test_a_reward_that_knows_what_passes_gains_and_one_that_loves_length_does_not() -> None:
    random = np.random.default_rng(0)
    prompts = [f"{n // 4}" for n in range(800)]
    passed, length = random.random(800) < 0.4, random.integers(10, 1_000, 800)
    knowing = best_of_n(prompts, passed + random.normal(0, 0.5, 800), passed, length)
    long = best_of_n(prompts, length, passed, length)

    assert known(knowing.over_random)[0] > 0.2
    assert known(knowing.over_longest)[0] > 0.2
    assert long.over_longest.value == 0
    assert known(long.over_random)[0] < 0 < known(long.over_random)[2]


def test_the_figures_are_ready_for_json() -> None:
    written = orjson.loads(orjson.dumps(of(("p", 1.0, True, 1), ("p", 0.0, False, 2)).as_dict()))

    assert written["over_longest"]["value"] == 1


def test_no_responses_give_no_figures() -> None:
    assert of().picked.value is None


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(TableError, match="2 responses have"):
        best_of_n(["p", "p"], [1], [1], [1])


@settings(max_examples=20, deadline=None)
@given(RESPONSES, st.integers(0, 9))
def test_a_pick_is_never_better_than_the_best_and_knows_no_order(
    responses: list[Response], seed: int
) -> None:
    found = of(*responses)
    again = of(*random_of.Random(seed).sample(responses, len(responses)))

    assert found.n_prompts + found.n_without_choice == len({one[0] for one in responses})
    assert found == again
    if found.n_prompts:
        assert known_value(found.best) >= known_value(found.picked) - 1e-12
        assert known_value(found.best) >= known_value(found.random) - 1e-12
        gain = known_value(found.picked) - known_value(found.random)
        assert known_value(found.over_random) == pytest.approx(gain, abs=1e-12)


def known_value(figure: Any) -> float:
    assert figure.value is not None
    return float(figure.value)
