from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import InputError
from prefline.verifiers import check, parse_verifier


def passes(text: str, **specification: object) -> bool:
    return check(parse_verifier(json.dumps(specification)), text).passed


WORDS = st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=12)
AROUND = st.sampled_from(["", " ", "\n", "  \n"])


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("Paris", True), ("paris.", True), ('"Paris"', True), ("**Paris**", True),
        ("The capital is Paris", False), ("", False),
    ],
)  # fmt: skip
def test_exact_compares_the_whole_reply_its_wrapping_aside(text: str, passed: bool) -> None:
    assert passes(text, kind="exact", answers=["Paris"]) is passed


def test_exact_minds_the_case_where_it_is_told_to() -> None:
    assert not passes("paris", kind="exact", answers=["Paris"], ignore_case=False)


@pytest.mark.parametrize(
    ("text", "value", "passed"),
    [
        ("17 + 26 = 43", 43, True), ("43.", 43, True), ("It is 43, not 34", 43, False),
        ("1,234 apples", 1234, True), ("-5", -5, True), ("\u22125", -5, True), ("3.50", 3.5, True),
        ("no number", 43, False), ("item4", 4, False), ("7-5", 5, True), ("1, 2, 3", 3, True),
    ],
)  # fmt: skip
def test_numeric_takes_the_last_number(text: str, value: float, passed: bool) -> None:
    assert passes(text, kind="numeric", value=value) is passed


@given(st.integers(-(10**9), 10**9), AROUND, AROUND)
def test_a_number_is_found_however_it_is_written(value: int, before: str, after: str) -> None:
    for written in (str(value), f"{value:,}", f"The answer is {value}."):
        assert passes(before + written + after, kind="numeric", value=value)


def test_numeric_knows_which_numbers_a_question_shows() -> None:
    shown = {"kind": "numeric", "value": 14, "shown": [9, 5]}

    assert passes("9 + 5 = 14, so 14.", **shown)
    assert not passes("3 times 5, less 1, is 14.", **shown)
    assert passes("3 times 5, less 1, is 14.", kind="numeric", value=14)


def test_numeric_has_a_tolerance() -> None:
    assert passes("3.14", kind="numeric", value=3.1416, tolerance=0.01)
    assert not passes("3.1", kind="numeric", value=3.1416, tolerance=0.01)


def test_regex_matches_all_of_the_reply_or_some() -> None:
    assert passes(" 1, 2, 3\n", kind="regex", pattern=r"\d, \d, \d")
    assert not passes("It is 1, 2, 3", kind="regex", pattern=r"\d, \d, \d")
    assert passes("It is 1, 2, 3", kind="regex", pattern=r"\d, \d, \d", full=False)


SCHEMA = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ('{"name": "Ana"}', True), ('```json\n{"name": "Ana"}\n```', True), ('{"name": 3}', False),
        ("{}", False), ("name: Ana", False), ('Sure! {"name": "Ana"}', False),
    ],
)  # fmt: skip
def test_json_schema_wants_valid_json_and_nothing_else(text: str, passed: bool) -> None:
    assert passes(text, kind="json_schema", json_schema=SCHEMA) is passed


@given(WORDS)
def test_a_text_made_to_the_constraints_passes(words: list[str]) -> None:
    text = " ".join(words)

    assert passes(
        f"{text}.",
        kind="constraints", min_words=len(words), max_words=len(words), max_sentences=1, lines=1,
        required=[words[0], words[-1]], starts_with=words[0], ends_with=".", case="lower",
        max_characters=len(text) + 1,
    )  # fmt: skip


@given(WORDS, AROUND, AROUND)
def test_white_space_around_a_reply_changes_nothing(
    words: list[str], before: str, after: str
) -> None:
    text = " ".join(words)
    for specification in (
        {"kind": "exact", "answers": [text]},
        {"kind": "constraints", "max_words": 5},
        {"kind": "regex", "pattern": "[a-m ]+"},
    ):
        assert passes(text, **specification) == passes(before + text + after, **specification)


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        ("one two", {"min_words": 3}), ("one two", {"max_words": 1}),
        ("One. Two.", {"max_sentences": 1}),
        ("One.", {"min_sentences": 2}), ("a\nb", {"lines": 1}), ("abc", {"max_characters": 2}),
        ("catalogue", {"required": ["cat"]}), ("A Cat.", {"forbidden": ["cat"]}),
        ("No.", {"starts_with": "yes"}), ("yes", {"ends_with": "."}), ("Yes", {"case": "lower"}),
        ("", {"max_words": 5}),
    ],
)  # fmt: skip
def test_each_constraint_can_fail(text: str, constraint: dict[str, object]) -> None:
    assert not passes(text, kind="constraints", **constraint)


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        pytest.param('{"kind": "nmeric"}', "nmeric", id="unknown kind"),
        pytest.param('{"kind": "numeric"}', "value", id="missing field"),
        pytest.param('{"kind": "numeric", "value": 1, "x": 1}', "x", id="unknown field"),
        pytest.param('{"kind": "regex", "pattern": "("}', "regular expression", id="bad pattern"),
        pytest.param('{"kind": "json_schema", "json_schema": {"type": 1}}', "schema", id="schema"),
        pytest.param('{"kind": "constraints"}', "no constraint", id="nothing asked"),
        pytest.param("not json", "JSON", id="not json"),
    ],
)
def test_a_bad_specification_says_what_is_wrong(specification: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_verifier(specification)


@given(st.text())
def test_any_reply_can_be_checked(text: str) -> None:
    for specification in (
        {"kind": "exact", "answers": ["x"]},
        {"kind": "numeric", "value": 1},
        {"kind": "json_schema", "json_schema": SCHEMA},
        {"kind": "constraints", "max_words": 3, "case": "upper", "max_sentences": 1},
    ):
        assert check(parse_verifier(json.dumps(specification)), text).why
