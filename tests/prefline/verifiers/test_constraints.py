"""Each instruction of the kind that IFEval checks, held and not held."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import InputError
from prefline.verifiers import check, parse_verifier


def result(text: str, constraint: dict[str, Any]) -> tuple[bool, str]:
    found = check(parse_verifier(json.dumps({"kind": "constraints", **constraint})), text)
    return found.passed, found.why


@pytest.mark.parametrize(
    ("constraint", "held", "broken", "why"),
    [
        ({"max_words": 3}, "one - two *** three", "one two three 4", "4 words"),
        ({"max_sentences": 1}, "By J. R. R. Tolkien.", "It is J. He said so! Yes.", "2 sentences"),
        ({"min_paragraphs": 2}, "one\n\ntwo", "one\ntwo", "1 paragraphs"),
        ({"max_paragraphs": 1}, "one\ntwo", "one\n \ntwo", "2 paragraphs"),
        ({"min_bullets": 2, "max_bullets": 2}, "- a\n* b", "- a\n- b\n\u2022 c", "3 bullets"),
        ({"min_bullets": 1}, "  + a", "-a\n1. b\n**c**", "0 bullets"),
        ({"max_bullets": 0}, "a - b", "- a", "1 bullets"),
        ({"min_placeholders": 2}, "Dear [name], [date]", "Dear [name], []", "1 placeholders"),
        ({"min_highlights": 2}, "*a* and **b c**", "*a* and 2 * 3 * 4", "1 highlighted"),
        ({"min_capital_words": 2}, "GO AWAY now", "GO I away", "1 words in capitals"),
        ({"max_capital_words": 0}, "Go, I say", "GO", "1 words in capitals"),
        ({"words": [{"of": "river", "min": 2, "max": 3}]}, "River river", "river rivers", "river"),
        ({"words": [{"of": "river", "max": 1}]}, "none", "river, river", "2 of 'river'"),
        ({"words": [{"of": "at all"}]}, "At all?", "at a call", "0 of 'at all'"),
        ({"letters": [{"of": "e", "min": 3}]}, "Every eel", "two", "0 of 'e'"),
        ({"commas": False}, "a b", "a, b", "comma"),
        ({"title": True}, "<<On rain>>\nIt rains.", "<< >>\nOn rain", "title"),
        ({"json_only": True}, '```json\n{"a": 1}\n```', 'Sure: {"a": 1}', "JSON"),
        ({"quoted": True}, '"All of it."', '"Some" of it', "quotation"),
        ({"quoted": True}, "\u201eAlles.\u201c", '"', "quotation"),
        ({"postscript": "P.S."}, "Bye\n\nP.S. Call me", "Bye P.S.", "P.S."),
        ({"section_word": "Section", "min_sections": 2}, "Section 1\na\n## Section II\nb",
         "Section 1\na section 2", "1 sections"),
        ({"paragraph_starts": {"2": "rain"}}, "Sun.\n\nRain falls.", "Rain.\n\nRainy.",
         "paragraph 2"),
        ({"paragraph_starts": {"3": "rain"}}, "a\n\nb\n\nrain", "rain", "paragraph 3"),
        ({"answers": 2}, "one\n******\ntwo", "one\n*****\ntwo", "1 answers"),
        ({"answers": 2}, "one\n******\ntwo", "one\n******\none", "same answer twice"),
        ({"language": "de"}, "Der Fluss ist heute sehr kalt.", "The river is very cold.", "en"),
        ({"language": "fr"}, "La rivi\u00e8re est tr\u00e8s froide.", "123", "unknown"),
        ({"language": "en", "case": "upper"}, "THE RIVER IS COLD.", "The river is cold.", "case"),
    ],
)  # fmt: skip
def test_an_instruction_is_met_or_not(
    constraint: dict[str, Any], held: str, broken: str, why: str
) -> None:
    assert result(held, constraint) == (True, "meets every constraint")
    passed, said = result(broken, constraint)
    assert not passed
    assert why in said


HELD = {
    "min_paragraphs": 2, "max_words": 20, "title": True, "required": ["river"], "commas": False,
    "min_bullets": 2, "postscript": "P.S.", "forbidden": ["sea"], "language": "en",
}  # fmt: skip
TEXT = "<<The cold river>>\n\n- The river is cold\n- The water is deep\n\nP.S. Take care"


def test_several_at_once_all_have_to_hold() -> None:
    assert result(TEXT, HELD)[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n\n", "\n"), ("<<", "<"), ("river", "stream"), ("deep", "deep, dark"),
        ("- ", ""), ("P.S.", ""), ("water", "sea"),
        ("The", "one two three four five six seven eight"),
    ],
)  # fmt: skip
def test_one_of_several_that_does_not_hold_is_enough(old: str, new: str) -> None:
    assert not result(TEXT.replace(old, new), HELD)[0]


@given(st.lists(st.sampled_from(["- a", "b", "* c [d]", "", "**e**, F GH"]), max_size=8))
def test_a_count_is_asked_for_from_both_sides(lines: list[str]) -> None:
    """What has exactly n bullets passes for "at least k" up to n and for "at most k" from n on."""
    text = "\n".join(["x", *lines])
    n = sum(line[:2] in ("- ", "* ") for line in lines)
    for k in range(1, 9):
        assert result(text, {"min_bullets": k})[0] == (n >= k)
        assert result(text, {"max_bullets": k})[0] == (n <= k)


@given(st.text())
def test_any_reply_can_be_checked_for_everything(text: str) -> None:
    everything = HELD | {
        "quoted": True, "json_only": True, "answers": 2, "section_word": "Part", "min_sections": 1,
        "min_highlights": 1, "min_placeholders": 1, "paragraph_starts": {"1": "a"},
        "letters": [{"of": "a"}], "words": [{"of": "b"}], "max_capital_words": 3,
    }  # fmt: skip
    for name, value in everything.items():
        pair = {"section_word": "Part"} if name == "min_sections" else {}
        pair |= {"min_sections": 1} if name == "section_word" else {}
        assert result(text, {name: value, **pair})[1]


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ({"min_words": 3, "max_words": 2}, "min_words 3 is more than max_words 2"),
        ({"words": [{"of": "a", "min": 2, "max": 1}]}, "min 2 is more than max 1"),
        ({"section_word": "Part"}, "go together"),
        ({"paragraph_starts": {"0": "a"}}, "counted from 1"),
        ({"commas": True}, "commas"),
        ({"language": "German"}, "language"),
        ({"bullets": 3}, "bullets"),
    ],
)
def test_constraints_that_make_no_sense_are_an_error(
    constraint: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        result("text", constraint)
