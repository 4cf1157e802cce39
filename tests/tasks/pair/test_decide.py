from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.params import PairParams
from tasks.pair.decide import Decided
from tasks.pair.label import label_pairs
from tasks.pair.rows import split_of
from tests.prefline.labels.judgments import judgment, planted

PARAMS = PairParams()


def label(
    rows: list[dict[str, Any]], reviews: Mapping[str, float] | None = None
) -> dict[str, Decided]:
    """Decided pairs, by their lower response id."""
    _, decided = label_pairs(rows, reviews or {}, PARAMS)
    return {one.evidence.lower: one for one in decided}


def test_a_verifier_s_word_is_a_label_of_its_known_accuracy() -> None:
    (one,) = label([judgment("a", "b", "second", judge="verifier", p_first=0.0)]).values()

    assert (one.chosen, one.rejected, one.reason) == ("b", "a", None)
    assert one.p_chosen == pytest.approx(PARAMS.verifier_accuracy)
    assert one.label_source == "strong_ai"


def test_a_weak_judge_cannot_overrule_the_verifier() -> None:
    rows = planted(500, 0.0, 1.0)
    for one in label(rows).values():
        better = one.evidence.verified
        assert one.chosen == (one.evidence.lower if better == 1 else one.evidence.upper)


def test_the_word_of_a_judge_at_chance_makes_no_preference() -> None:
    rows = planted(500, 0.0, 1.0) + [
        judgment("x", "y", "first", p_first=0.9, prompt="open"),
        judgment("y", "x", "second", p_first=0.1, prompt="open"),
    ]

    assert label(rows)["x"].reason == "uncertain"


def test_the_word_of_a_judge_that_was_found_right_does() -> None:
    rows = planted(500, 2.0, 0.0) + [
        judgment("x", "y", "first", p_first=0.9, prompt="open"),
        judgment("y", "x", "second", p_first=0.1, prompt="open"),
    ]

    assert label(rows)["x"].reason is None
    assert label(rows)["x"].label_source == "ai"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param(
            [judgment("a", "b", "tie", judge="verifier", p_first=0.5)], "tie", id="verifier's tie"
        ),
        pytest.param(
            [judgment("a", "b", "invalid"), judgment("b", "a", "invalid")],
            "no_valid_verdict", id="nothing valid",
        ),
        pytest.param(
            [judgment("a", "b", "first", p_first=0.8), judgment("b", "a", "first", p_first=0.8)],
            "order_flip", id="depends on the order",
        ),
    ],
)  # fmt: skip
def test_what_is_no_preference_says_why(rows: list[dict[str, Any]], reason: str) -> None:
    assert label(rows)["a"].reason == reason


def test_people_outrank_every_judge() -> None:
    rows = [judgment("a", "b", "first", judge="verifier", p_first=1.0)]
    (before,) = label(rows).values()

    (after,) = label(rows, {before.evidence.pair_id: -3.0}).values()

    assert (before.chosen, after.chosen) == ("a", "b")
    assert after.label_source == "human"


VERDICTS = st.sampled_from(["first", "second", "tie", "invalid"])
TABLES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), VERDICTS, st.none() | st.floats(0, 1)),
    max_size=40,
)


@given(TABLES)
def test_every_judged_pair_ends_as_a_preference_or_with_a_reason(
    table: list[tuple[int, int, str, float | None]],
) -> None:
    rows = [judgment(f"r{a}", f"r{b}", v, p_first=p) for a, b, v, p in table if a != b]
    _, decided = label_pairs(rows, {}, PARAMS)
    judged = {tuple(sorted((row["first_id"], row["second_id"]))) for row in rows}

    assert {(one.evidence.lower, one.evidence.upper) for one in decided} == judged
    assert len(decided) == len(judged)
    for one in decided:
        assert 0.5 <= one.p_chosen < 1
        assert (one.reason is None) == (one.p_chosen >= PARAMS.min_p_chosen)


@given(TABLES)
def test_the_order_of_the_judgments_does_not_matter(
    table: list[tuple[int, int, str, float | None]],
) -> None:
    rows = [judgment(f"r{a}", f"r{b}", v, p_first=p) for a, b, v, p in table if a != b]
    one, other = label(rows), label(rows[::-1])

    assert one.keys() == other.keys()
    for key in one:
        assert one[key].chosen == other[key].chosen or one[key].p_chosen < 0.5 + 1e-9
        assert one[key].p_chosen == pytest.approx(other[key].p_chosen)


@given(st.lists(st.text(max_size=8), min_size=1))
def test_a_prompt_is_in_one_split_and_the_same_one_always(prompts: list[str]) -> None:
    assert [split_of(p, PARAMS) for p in prompts] == [split_of(p, PARAMS) for p in prompts]


def test_about_the_asked_share_of_prompts_is_held_out() -> None:
    held = sum(split_of(str(number), PARAMS) == "test" for number in range(5_000))

    assert held / 5_000 == pytest.approx(PARAMS.test_share, abs=0.015)
