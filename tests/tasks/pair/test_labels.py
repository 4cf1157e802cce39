from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.config import PairParams
from prefline.errors import ParamsError
from prefline.ids import pair_id
from prefline.verifiers import Verifier
from tasks.pair.formats.plain import Answer, Answers
from tasks.pair.labels import (
    LabelledPair,
    LabelledPairs,
    answer_rows,
    disagreement,
    human_judges,
    label_row,
    split_of,
)
from tests.prefline.labeling.judgments import judgment, planted
from tests.tasks.pair.material import label_pairs

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
    assert one.p_chosen == pytest.approx(Verifier.accuracy)
    assert one.label_source == "verifier"


def test_a_verified_pair_is_as_sure_as_its_kind_of_check() -> None:
    rows = [judgment("a", "b", "first", judge="verifier", p_first=1.0, prompt="p")]

    def p(kind: str, **changes: Any) -> float:
        params = PairParams.model_validate(changes)
        return label_pairs(rows, params, checks={"p": kind}).final[0].p_chosen

    assert p("exact") == pytest.approx(0.98)
    assert p("exact") > p("json_schema") > p("regex") == p("constraints")
    assert p("exact", verifier_accuracy=0.8) == pytest.approx(0.8)


def test_judges_that_outweigh_a_check_leave_its_pair_open() -> None:
    rows = planted(200, 4.0, 0.0) + [
        judgment("x", "y", "second", judge="verifier", p_first=0.0, prompt="p"),
        judgment("x", "y", "first", p_first=0.999, prompt="p"),
        judgment("y", "x", "second", p_first=0.001, prompt="p"),
    ]
    params = PairParams.model_validate({"verifier_accuracy": 0.7})
    pair = next(one for one in label_pairs(rows, params).final if one.evidence.lower == "x")

    assert (pair.chosen, pair.reason) == ("y", "judges_disagree")
    assert pair.p_chosen == pytest.approx(0.5)


def checked_by_people(pairs: int, wrong: int) -> LabelledPairs:
    """Pairs that a pattern decides for `a`; ann names `b` in the first `wrong`, else `a`; the last
    one nobody has looked at."""
    names = [(f"{at:03d}a", f"{at:03d}b") for at in range(pairs + 1)]
    rows = [judgment(a, b, "first", judge="verifier", p_first=1.0, prompt=a) for a, b in names]
    answers = [
        word
        for at, (a, b) in enumerate(names[:-1])
        for word in words(*((b, a) if at < wrong else (a, b)), "ann", "ben")
    ]
    checks = {a: "regex" for a, _ in names}
    return label_pairs(rows, PARAMS, answers=Answers(tuple(answers)), checks=checks)


def test_people_s_answers_say_what_a_kind_of_check_is_worth() -> None:
    right, half, few = (checked_by_people(*n) for n in ((100, 0), (100, 50), (2, 1)))
    accuracy = [pairs.verifiers["regex"].accuracy for pairs in (right, half, few)]

    assert right.verifiers["regex"].prior == 0.9
    assert accuracy[0] > 0.97
    assert accuracy[1] == pytest.approx((0.9 * 20 + 50) / 120, abs=0.02)
    assert accuracy[2] == pytest.approx((0.9 * 20 + 1) / 22, abs=0.02)
    for pairs, a in zip((right, half, few), accuracy, strict=True):
        figures = pairs.verifiers["regex"]
        unseen = next(pair for pair in pairs.final if pair.label_source == "verifier")
        assert figures.low < a < figures.high
        assert figures.n_reviewed == figures.n_pairs - 1
        assert unseen.p_chosen == pytest.approx(a)


def test_answers_on_a_pair_that_nobody_judged_are_a_label() -> None:
    of_prompt = {"a": "p", "b": "p", "c": "p", "z": "q"}
    answers = Answers((*words("b", "a", "ann", "ben"), *tie("a", "c", "ann")))
    pairs = label_pairs([], PARAMS, answers=answers, prompt_of=of_prompt)
    labelled, tied = pairs.by_people[pair_id("a", "b")], pairs.by_people[pair_id("a", "c")]

    assert pairs.by_judges == []
    assert (labelled.chosen, labelled.label_source, labelled.reason) == ("b", "human", None)
    assert labelled.anchored
    assert (labelled.votes, labelled.review_agreement) == ({"ann": -1, "ben": -1}, 1.0)
    assert tied.reason == "people_tie"
    assert sorted(row["reviewer"] for row in answer_rows(pairs)) == ["ann", "ann", "ben"]


@pytest.mark.parametrize(
    ("answers", "refused"),
    [
        pytest.param(words("a", "z", "ann"), [], id="two prompts"),
        pytest.param(words("a", "gone", "ann"), [], id="no such response"),
        pytest.param([Answer("other", "ann", "a", "b", "")], [], id="another pair's id"),
        pytest.param(words("a", "b", "ann"), [pair_id("a", "b")], id="not worth judging"),
    ],
)
def test_answers_on_what_is_no_pair_to_label_count_for_nothing(
    answers: list[Answer], refused: list[str]
) -> None:
    of_prompt = {"a": "p", "b": "p", "z": "q"}
    pairs = label_pairs(
        [], PARAMS, answers=Answers(tuple(answers)), prompt_of=of_prompt, refused=refused
    )

    assert pairs.final == []
    assert list(pairs.reviews.unknown) == answers


def test_a_row_says_which_people_decided_it_and_how_they_agreed() -> None:
    rows = [judgment("a", "b", "first"), judgment("c", "d", "first", p_first=0.9)]
    decided = label(rows, words("a", "b", "cat", "ann") + words("b", "a", "ben"))
    by_people, by_judge = (label_row(decided[lower], PARAMS) for lower in ("a", "c"))
    columns = ("n_reviews", "reviewers", "review_agreement")

    assert [by_people[name] for name in columns] == [3, ["ann", "ben", "cat"], 2 / 3]
    assert [by_judge[name] for name in columns] == [None, None, None]


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


@settings(max_examples=10)  # each fits the label model
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


@settings(max_examples=10)  # each fits the label model
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


def people_who_like_it_long(pairs: int = 60) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Two judges that differ in how they like length."""
    rows, lengths = [], {}
    for number in range(pairs):
        a, b = f"{number:03d}a", f"{number:03d}b"
        lengths |= {a: 900, b: 300} if number % 2 else {a: 300, b: 900}
        for judge, p in (("ann", 0.9 if number % 2 else 0.2), ("bot", 0.6), ("cat", 0.55)):
            said = "first" if p > 0.5 else "second"
            rows.append(judgment(a, b, said, judge=judge, p_first=p, prompt=f"p{number}"))
    return rows, lengths


def test_a_judge_that_is_a_person_is_never_corrected_for_length() -> None:
    rows, lengths = people_who_like_it_long()
    labels = label_pairs(rows, PARAMS, lengths=lengths, human_judges=["ann"]).labels
    found = {each.annotator.judge: each for each in labels.annotators}

    assert found["ann"].annotator.human
    assert found["ann"].length_bias == 0.0
    assert human_judges({"judges": {"ann": {"kind": "human"}, "bot": {"kind": "model"}}}) == ["ann"]


def test_people_s_answers_teach_what_a_judge_is_worth_on_other_pairs() -> None:
    rows = planted(60, 1.0, 0.0)
    judged = [row for row in rows if row["judge"] != "verifier"]
    answers = []
    for row in (row for row in rows[: 40 * 3] if row["judge"] == "verifier"):
        sides = (row["first_id"], row["second_id"])
        answers += words(*(sides if row["verdict"] == "first" else sides[::-1]), "ann")
    alone, taught = label(judged), label(judged, answers)

    assert not any(pair.anchored for pair in alone.values())
    assert all(pair.anchored for pair in taught.values())
    for number in range(40, 60):
        pair = f"{number:05d}a"
        assert taught[pair].label_source == "ai"
        assert alone[pair].p_chosen != taught[pair].p_chosen


def test_an_anchor_s_own_label_is_by_a_fit_that_did_not_see_it() -> None:
    rows = planted(40, 0.0, 0.0)
    answers = Answers(tuple(
        words(f"{number:05d}a", f"{number:05d}b", "ann")[0] for number in range(40)
    ))  # fmt: skip
    judged = [row for row in rows if row["judge"] != "verifier"]
    pairs = label_pairs(judged, PARAMS, answers=answers).by_judges
    right = sum(pair.chosen.endswith("a") for pair in pairs)

    assert 10 <= right <= 30, "a judge without a clue is no better on the pairs it was taught"


def test_a_prior_accuracy_of_a_judge_that_is_not_there_is_an_error() -> None:
    params = PairParams.model_validate({"prior_accuracy": {"gone": {"accuracy": 0.8}}})
    with pytest.raises(ParamsError, match="names 'gone'"):
        label_pairs([judgment("a", "b", "first")], params)


def test_a_sample_of_the_pairs_labels_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted(200, 2.0, 0.5) + [
        judgment(f"{at:05d}a", f"{at:05d}b", "first", judge="rare", prompt=str(at))
        for at in range(40)
    ]
    asked = words("00199a", "00199b", "ann")
    whole = label_pairs(rows, PARAMS, answers=Answers(tuple(asked)))
    monkeypatch.setattr("tasks.pair.judged.FIT_JUDGMENTS", 300)
    monkeypatch.setattr("tasks.pair.judged.FEWEST_VERDICTS", 10)
    monkeypatch.setattr("tasks.pair.judged.JudgedPairs.blocks.__defaults__", (None, 100))
    some = label_pairs(rows, PARAMS, answers=Answers(tuple(asked)))
    found, wanted = ({each.annotator.judge: each for each in one.labels.annotators}
                     for one in (some, whole))  # fmt: skip

    assert [one.evidence for one in some.final] == [one.evidence for one in whole.final]
    assert {name: each.n_pairs for name, each in found.items()} == {"small": 200, "rare": 40}
    assert found["rare"].n_anchors >= 10
    assert found["small"].n_anchors < wanted["small"].n_anchors
    assert some.n_held_back == 200
    assert some.by_people.keys() == {pair_id("00199a", "00199b")}
    for one, other in zip(some.final, whole.final, strict=True):
        assert one.p_chosen == pytest.approx(other.p_chosen, abs=0.05)
