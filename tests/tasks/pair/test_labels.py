from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.config import PairParams
from prefline.ids import pair_id
from tasks.pair.formats.plain import Answer, Answers
from tasks.pair.labels import LabelledPair, disagreement, label_pairs, split_of
from tests.prefline.labeling.judgments import judgment, planted

PARAMS = PairParams()


def label(rows: list[dict[str, Any]], answers: Sequence[Answer] = ()) -> dict[str, LabelledPair]:
    """Decided pairs, by their lower response id."""
    decided = label_pairs(rows, PARAMS, answers=Answers(tuple(answers))).final
    return {one.evidence.lower: one for one in decided}


def words(preferred: str, other: str, *reviewers: str) -> list[Answer]:
    return [Answer(pair_id(preferred, other), name, preferred, other, "") for name in reviewers]


def tie(one: str, other: str, *reviewers: str) -> list[Answer]:
    return [Answer(pair_id(one, other), name, "tie", other, "") for name in reviewers]


def test_a_verifier_s_word_is_a_label_of_its_known_accuracy() -> None:
    (one,) = label([judgment("a", "b", "second", judge="verifier", p_first=0.0)]).values()

    assert (one.chosen, one.rejected, one.reason) == ("b", "a", None)
    assert one.p_chosen == pytest.approx(PARAMS.verifier_accuracy)
    assert one.label_source == "verifier"


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
        pytest.param(
            [judgment("a", "b", "tie"), judgment("b", "a", "tie")], "tie", id="a judge's tie"
        ),
        pytest.param(
            [judgment("a", "b", "tie", judge="verifier", p_first=0.5),
             judgment("a", "b", "first", p_first=0.8), judgment("b", "a", "first", p_first=0.8)],
            "order_flip", id="the verifier's tie, and a judge that flips",
        ),
        pytest.param(
            [judgment("a", "b", "first", judge="x", p_first=0.8),
             judgment("a", "b", "second", judge="y", p_first=0.2)],
            "judges_disagree", id="two judges, two winners",
        ),
        pytest.param(
            [judgment("a", "b", "first", judge="x", p_first=0.8),
             judgment("a", "b", "second", judge="y", p_first=0.2),
             judgment("a", "b", "first", judge="z", p_first=0.8),
             judgment("b", "a", "first", judge="z", p_first=0.8)],
            "judges_disagree", id="two winners, and a judge that flips",
        ),
        pytest.param(
            [judgment("a", "b", "first", p_first=0.51), judgment("b", "a", "tie", p_first=0.5)],
            "uncertain", id="a weak word",
        ),
        pytest.param(
            [judgment("a", "b", "first"), judgment("a", "b", "second")],
            "uncertain", id="two principles of one order contradict each other",
        ),
    ],
)  # fmt: skip
def test_what_is_no_preference_says_why(rows: list[dict[str, Any]], reason: str) -> None:
    assert label(rows)["a"].reason == reason


def test_people_outrank_every_judge() -> None:
    rows = [judgment("a", "b", "first", judge="verifier", p_first=1.0)]
    (before,) = label(rows).values()
    (after,) = label(rows, words("b", "a", "ann")).values()

    assert (before.chosen, after.chosen) == ("a", "b")
    assert (after.label_source, after.reason) == ("human", None)
    assert after.p_chosen == pytest.approx(PARAMS.review.human_accuracy)


def test_people_s_word_makes_a_preference_of_what_no_judge_could_say() -> None:
    rows = [judgment("a", "b", "invalid"), judgment("b", "a", "invalid")]
    (one,) = label(rows, words("b", "a", "ann")).values()

    assert (one.chosen, one.reason, one.agreement) == ("b", None, 0.0)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        pytest.param(tie("a", "b", "ann"), "people_tie", id="tie"),
        pytest.param(tie("a", "b", "ann", "ben"), "people_tie", id="two ties"),
        pytest.param(
            words("a", "b", "ann") + words("b", "a", "ben"), "people_disagree", id="one each"
        ),
        pytest.param(
            words("a", "b", "ann") + tie("a", "b", "ben"), "people_disagree", id="one and a tie"
        ),
        pytest.param(
            words("a", "b", "ann", "ben") + words("b", "a", "cat"), None, id="two against one"
        ),
        pytest.param(
            tie("a", "b", "ann", "ben") + words("b", "a", "cat"), "people_tie", id="mostly tie"
        ),
    ],
)
def test_where_people_see_no_winner_there_is_no_preference(
    answers: list[Answer], reason: str | None
) -> None:
    rows = [judgment("a", "b", "first", judge="verifier", p_first=1.0)]
    (one,) = label(rows, answers).values()

    assert one.reason == reason
    assert one.label_source == "human"


def test_one_reviewer_whom_params_trust_too_little_leaves_it_uncertain() -> None:
    params = PairParams.model_validate({"min_p_chosen": 0.97})
    rows = [judgment("a", "b", "invalid")]
    answers = Answers(tuple(words("a", "b", "ann")))
    (one,) = label_pairs(rows, params, answers=answers).final

    assert one.reason == "uncertain"


def test_a_label_is_contradicted_by_the_share_of_judges_that_name_the_other() -> None:
    rows = [
        judgment("a", "b", "first", judge="x", p_first=0.8),
        judgment("a", "b", "first", judge="y", p_first=0.8),
        judgment("a", "b", "second", judge="z", p_first=0.3),
    ]
    one = label(rows)["a"]
    verified = label([*rows, judgment("a", "b", "first", judge="verifier", p_first=1.0)])["a"]

    assert disagreement(one) == pytest.approx(1 / 3 if one.chosen == "a" else 2 / 3)
    assert disagreement(verified) == 0.0


VERDICTS = st.sampled_from(["first", "second", "tie", "invalid"])
TABLES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), VERDICTS, st.none() | st.floats(0, 1)),
    max_size=40,
)


@settings(max_examples=25)  # each fits the label model
@given(TABLES)
def test_every_judged_pair_ends_as_a_preference_or_with_a_reason(
    table: list[tuple[int, int, str, float | None]],
) -> None:
    rows = [judgment(f"r{a}", f"r{b}", v, p_first=p) for a, b, v, p in table if a != b]
    decided = label_pairs(rows, PARAMS).final
    judged = {tuple(sorted((row["first_id"], row["second_id"]))) for row in rows}

    assert {(one.evidence.lower, one.evidence.upper) for one in decided} == judged
    assert len(decided) == len(judged)
    for one in decided:
        assert 0.5 <= one.p_chosen < 1
        assert (one.reason is None) == (one.p_chosen >= PARAMS.min_p_chosen)


@settings(max_examples=25)  # each fits the label model
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
