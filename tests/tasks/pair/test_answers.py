from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import InputError
from prefline.ids import pair_id
from prefline.review.answer_log import AnswerLog, Entry
from prefline.tables.prompts import prompt_from_row
from tasks.pair.answers import aggregate_answers, read_answers, review_warnings
from tasks.pair.formats.plain import Answer, Answers
from tasks.pair.judged import JudgedPair
from tests.tasks.pair.material import annotation, pairwise, params, save

PAIR = JudgedPair(pair_id("a", "b"), "p", "a", "b")
OURS = {"pair_id": PAIR.pair_id, "reviewer": "ann", "preferred_id": "b", "other_id": "a"}
DATA = {"pair_id": PAIR.pair_id, "response_a_id": "b", "response_b_id": "a"}
FLAT = {
    "id": PAIR.pair_id, "response_a_id": "b", "response_b_id": "a",
    "preference.responses": ["a"], "preference.responses.users": ["u1"],
    "preference.responses.status": ["submitted"],
}  # fmt: skip


def task(*annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": 1, "data": DATA, "annotations": list(annotations)}


def record(**responses: Any) -> dict[str, Any]:
    ids = {"response_a_id": "b", "response_b_id": "a"}
    return {"id": PAIR.pair_id, "metadata": ids, "responses": responses}


def settled(folder: Path) -> dict[tuple[str, str], int]:
    return dict(aggregate_answers(read_answers(folder), [PAIR]).votes)


@pytest.mark.parametrize(
    ("row", "reviewer"),
    [
        pytest.param(OURS, "ann", id="ours"),
        pytest.param(task(annotation(7, "a")), "label_studio:7", id="Label Studio"),
        pytest.param(
            task(annotation(7, "a", completed_by={"id": 7, "email": "x@y.example"})),
            "label_studio:7", id="Label Studio, whole user",
        ),
        pytest.param(
            task(annotation(7, "a", result=[
                {"type": "choices", "from_name": "c", "value": {"choices": ["left"]}},
                {"type": "textarea", "from_name": "note", "value": {"text": ["fine"]}},
            ])),
            "label_studio:7", id="Label Studio, choices and a comment",
        ),
        pytest.param(record(preference=[{"value": "a", "user_id": "u1"}]), "argilla:u1",
                     id="Argilla"),
        pytest.param(FLAT, "argilla:u1", id="Argilla, flat"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_an_answer_is_read_from_each_format(
    row: dict[str, Any], reviewer: str, name: str, tmp_path: Path
) -> None:
    save(tmp_path / name, [row])

    assert settled(tmp_path) == {(PAIR.pair_id, reviewer): -1}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(OURS | {"preferred_id": None}, id="ours"),
        pytest.param(task(annotation(1, "a", was_cancelled=True)), id="cancelled"),
        pytest.param(task(annotation(1, None, was_cancelled=False)), id="empty"),
        pytest.param(
            record(preference=[{"value": "a", "user_id": "u", "status": "draft"}]), id="draft"
        ),
        pytest.param(FLAT | {"preference.responses.status": ["discarded"]}, id="discarded"),
    ],
)
def test_a_skipped_answer_is_no_answer(row: dict[str, Any], tmp_path: Path) -> None:
    save(tmp_path / "x.json", [row])
    reviews = aggregate_answers(read_answers(tmp_path), [PAIR])

    assert (dict(reviews.votes), reviews.skipped) == ({}, 1)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"id": "x", "responses": {}, "metadata": record()["metadata"]}, id="nested"),
        pytest.param(
            {name: None if "." in name else v for name, v in FLAT.items()}, id="flat, beside others"
        ),
        pytest.param({"_server_id": None, **{k: FLAT[k] for k in FLAT if "." not in k}}, id="flat"),
        pytest.param(task(), id="Label Studio"),
    ],
)
def test_a_row_on_which_nobody_has_answered_says_nothing(
    row: dict[str, Any], tmp_path: Path
) -> None:
    save(tmp_path / "x.json", [row])

    assert read_answers(tmp_path) == Answers()


@pytest.mark.parametrize(
    ("row", "problem", "remedy"),
    [
        *(
            pytest.param(
                {k: v for k, v in OURS.items() if k != field}, f"field '{field}' is missing",
                "each answer is {pair_id, reviewer, preferred_id, other_id}", id=f"no {field}",
            )
            for field in OURS
        ),
        pytest.param(OURS | {"reviewer": ""}, "field 'reviewer'", "each answer is", id="empty"),
        pytest.param(OURS | {"reviewer": 3}, "field 'reviewer' Input should be a valid string, "
                     "not 3", "each answer is", id="number for a name"),
        pytest.param(OURS | {"answered_at": "noon"}, "field 'answered_at'", "each answer is",
                     id="no time"),
        pytest.param({"text": "hello"}, "fields text are of no known format", "not JSON-MIN",
                     id="no known format"),
        pytest.param({}, "fields (none) are of no known format", "give", id="empty row"),
        pytest.param(
            {"pair_id": "x", "better": [{"selected": "left"}], "annotator": 1, "id": 1,
             "response_a_id": "a", "response_b_id": "b"},
            "are of no known format", "not JSON-MIN", id="JSON-MIN",
        ),
        pytest.param(
            task(annotation(1, "a", result=[pairwise("middle")])),
            "field 'annotations.0.result.0' is pairwise {'selected': 'middle'}, which is no answer",
            "data/review/label_studio.xml", id="no side",
        ),
        pytest.param(
            task(annotation(1, "a"), annotation(2, "a", result=[{"type": "rating", "value": {}}])),
            "field 'annotations.1.result.0' is rating {}, which is no answer",
            "data/review/label_studio.xml", id="rating",
        ),
        pytest.param(
            task(annotation(1, "a", result=[pairwise("left"), *annotation(1, "tie")["result"]])),
            "field 'annotations.0.result' says a and tie", "mend the annotation of label_studio:1",
            id="better and equally good",
        ),
        pytest.param(
            task(annotation(1, "a", completed_by=None)), "field 'annotations.0.completed_by",
            "export the project as JSON", id="by nobody",
        ),
        pytest.param(
            task(annotation(1, "a")) | {"data": {"pair_id": "x"}},
            "field 'data.response_a_id' is missing", "export the project as JSON", id="other tasks",
        ),
        pytest.param(
            record(preference=[{"value": "c", "user_id": "u"}]),
            "field 'responses.preference.0.value'", "argilla_settings.json", id="unknown option",
        ),
        pytest.param(
            record(quality=[{"value": "a", "user_id": "u"}]),
            "field 'responses' has no 'preference'", "argilla_settings.json", id="other question",
        ),
        pytest.param(
            FLAT | {"preference.responses.users": []},
            "field 'preference.responses' and its users and status differ in length", "export",
            id="lists of two lengths",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["bad.json", "bad.jsonl"])
def test_a_bad_row_is_named_with_its_file_field_and_remedy(
    row: dict[str, Any], problem: str, remedy: str, name: str, tmp_path: Path
) -> None:
    save(tmp_path / name, [OURS, row])

    with pytest.raises(InputError) as caught:
        read_answers(tmp_path)
    assert caught.value.problem.startswith(f"{name}, row 2: ")
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("x.csv", "pair_id", "x.csv: a review file ends in .jsonl or .json"),
        ("x.json", "[{]", "x.json: not valid JSON"),
        ("x.json", "[3]", "x.json, row 1: not a JSON object"),
        ("x.jsonl", "{", "x.jsonl, row 1: not valid JSON"),
    ],
)
def test_a_file_that_cannot_be_read_is_not_passed_over(
    name: str, text: str, problem: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(InputError, match=problem.replace(".", r"\.")):
        read_answers(tmp_path)


def test_pages_and_hidden_files_are_no_answers(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Reviews")
    (tmp_path / ".gitkeep").write_text("")

    assert read_answers(tmp_path) == Answers()
    assert read_answers(tmp_path / "nowhere") == Answers()


def test_a_later_answer_replaces_an_earlier_one_by_time_or_else_by_place(tmp_path: Path) -> None:
    other = OURS | {"preferred_id": "a", "other_id": "b"}
    save(tmp_path / "1.jsonl", [OURS, other | {"reviewer": "ben"}])
    save(tmp_path / "2.jsonl", [other, OURS | {"reviewer": "ben"}])
    assert set(settled(tmp_path).values()) == {1, -1}
    assert settled(tmp_path)[PAIR.pair_id, "ann"] == 1

    save(tmp_path / "1.jsonl", [OURS | {"answered_at": "2026-11-02T09:00:00+01:00"}])
    save(tmp_path / "2.jsonl", [other | {"answered_at": "2026-11-02T07:59:59"}])
    assert settled(tmp_path) == {(PAIR.pair_id, "ann"): -1}


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), unique=True))
def test_the_order_of_answers_by_different_reviewers_does_not_matter(
    keys: list[tuple[str, str]],
) -> None:
    pairs = {name: JudgedPair(f"pair {name}", "p", "l", "u") for name in "abcd"}
    answers = [
        Answer(pairs[name].pair_id, who, *(("l", "u") if (at % 2) else ("tie", "u")), "")
        for at, (name, who) in enumerate(keys)
    ]
    shuffled = random.Random(0).sample(answers, len(answers))
    one, other = (
        aggregate_answers(Answers(tuple(some)), pairs.values()) for some in (answers, shuffled)
    )

    assert list(one.votes.items()) == list(other.votes.items())


def test_an_answer_on_an_unknown_pair_is_counted_and_said(tmp_path: Path) -> None:
    save(tmp_path / "x.jsonl", [OURS, OURS | {"pair_id": "gone"}])
    reviews = aggregate_answers(read_answers(tmp_path), [PAIR])

    assert len(reviews.votes) == len(reviews.unknown) == 1
    assert review_warnings(reviews, {"chat"}, params(high_stakes=["chat", "lwa"]).review) == [
        "x.jsonl, row 2: pair gone is not among the pairs judged here: the answer of ann counts "
        "for nothing",
        "pair.review.high_stakes names 'lwa', a category that no prompt has",
    ]


def test_many_unknown_pairs_do_not_fill_the_screen() -> None:
    unknown = tuple(Answer(str(at), "ann", "a", "b", "f, row 1") for at in range(1_012))
    lines = review_warnings(aggregate_answers(Answers(unknown), [PAIR]), (), params().review)

    assert len(lines) == 11
    assert lines[-1] == "and 1,002 more answers on unknown pairs"


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        (OURS | {"preferred_id": "c"}, "'preferred_id' and 'other_id' say 'c' and 'a'"),
        (OURS | {"other_id": "b"}, "'preferred_id' and 'other_id' say 'b' and 'b'"),
        (OURS | {"preferred_id": "tie", "other_id": "c"}, "'preferred_id' and 'other_id'"),
        (task(annotation(1, "a")) | {"data": DATA | {"response_a_id": "c"}},
         "'data.response_a_id' and 'data.response_b_id' say 'c' and 'a'"),
        (FLAT | {"response_b_id": "c"}, "'response_a_id' and 'response_b_id' of its metadata"),
    ],
)  # fmt: skip
def test_an_answer_on_other_responses_than_its_pair_s_is_a_fault(
    row: dict[str, Any], fields: str, tmp_path: Path
) -> None:
    save(tmp_path / "x.json", [row])

    with pytest.raises(InputError, match=r"x\.json, row 1: fields ") as caught:
        settled(tmp_path)
    assert fields in caught.value.problem
    assert "its responses are a and b" in caught.value.remedy


def test_one_object_alone_in_its_file_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(OURS))

    assert settled(tmp_path) == {(PAIR.pair_id, "ann"): -1}


def test_an_answer_that_was_taken_back_counts_for_nothing(tmp_path: Path) -> None:
    undo = OURS | {"preferred_id": None, "undo": True}
    save(tmp_path / "prefline-ann.jsonl", [OURS, undo])
    assert settled(tmp_path) == {}

    save(
        tmp_path / "prefline-ann.jsonl", [OURS, undo, OURS | {"preferred_id": "a", "other_id": "b"}]
    )
    assert settled(tmp_path) == {(PAIR.pair_id, "ann"): 1}


def test_a_skip_that_was_taken_back_is_not_counted(tmp_path: Path) -> None:
    skip = OURS | {"preferred_id": None}
    save(tmp_path / "prefline-ann.jsonl", [skip, skip | {"undo": True}, OURS])
    assert read_answers(tmp_path).skipped == 0
    assert settled(tmp_path) == {(PAIR.pair_id, "ann"): -1}


def test_the_second_answer_on_a_pair_that_was_shown_twice_replaces_nothing(tmp_path: Path) -> None:
    again = OURS | {"preferred_id": "a", "other_id": "b", "repeat": True}
    save(tmp_path / "prefline-ann.jsonl", [OURS, again, OURS | {"repeat": True, "undo": True}])
    assert settled(tmp_path) == {(PAIR.pair_id, "ann"): -1}
    save(tmp_path / "prefline-ann.jsonl", [OURS, again])
    assert settled(tmp_path) == {(PAIR.pair_id, "ann"): -1}
    reviews = aggregate_answers(read_answers(tmp_path), [PAIR])
    assert reviews.repeats == {(PAIR.pair_id, "ann"): False}


def test_taking_back_what_was_not_said_names_file_row_and_field(tmp_path: Path) -> None:
    save(tmp_path / "prefline-ann.jsonl", [OURS | {"undo": True}])
    with pytest.raises(InputError, match=r"prefline-ann.jsonl, row 1: field 'undo'"):
        read_answers(tmp_path)


def test_an_answer_about_texts_is_one_about_the_responses_that_have_them(tmp_path: Path) -> None:
    asked = prompt_from_row({"prompt": "Why?"}, "", "").prompt_id
    responses = [
        {"response_id": name, "prompt_id": asked, "text": text}
        for name, text in (("a", "So."), ("b", "Because."))
    ]
    row = {"prompt": "Why?", "response_a": " Because.\n", "response_b": "So."}
    said = [
        row | {"reviewer": who, "preferred": preferred}
        for who, preferred in (("ann", "a"), ("ben", "b"), ("cleo", "tie"), ("dora", None))
    ]
    unknown = row | {"reviewer": "eve", "preferred": "a", "response_b": "Nobody knows."}
    save(tmp_path / "bought.jsonl", [*said, unknown])

    reviews = aggregate_answers(read_answers(tmp_path, responses), [PAIR])

    votes = {who: vote for (_, who), vote in reviews.votes.items()}
    assert votes == {"ann": -1, "ben": 1, "cleo": 0}
    assert reviews.skipped == 1
    (other,) = reviews.unknown
    assert (other.reviewer, other.place) == ("eve", "bought.jsonl, row 5")


def test_a_wrong_answer_about_texts_is_named_with_its_place_and_field(tmp_path: Path) -> None:
    row = {"reviewer": "ann", "response_a": "x", "response_b": "y", "preferred": "left"}
    save(tmp_path / "bought.jsonl", [row])

    with pytest.raises(InputError, match=r"bought\.jsonl, row 1: field 'preferred'"):
        read_answers(tmp_path)


def test_what_the_review_page_writes_is_what_counts(tmp_path: Path) -> None:
    log = AnswerLog(tmp_path, "ann")
    for preferred, repeat in (("a", False), (None, False), ("b", False), ("b", True)):
        if log.answered(PAIR.pair_id, repeat=repeat):
            assert log.undo(PAIR.pair_id)
        other = "a" if preferred == "b" else "b"
        assert log.add(Entry(PAIR.pair_id, preferred, other, repeat, 3.0, "why"), left="a")

    reviews = aggregate_answers(read_answers(tmp_path), [PAIR])
    assert dict(reviews.votes) == {(PAIR.pair_id, "ann"): -1}
    assert reviews.repeats == {(PAIR.pair_id, "ann"): True}
    assert reviews.skipped == 0
