"""Each of IFEval's instructions, followed and not followed, as the paper's own code decides."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.errors import InputError
from prefline.verifiers import check, parse_verifier
from prefline.verifiers.ifeval import INSTRUCTIONS

ENGLISH = "the weather is nice today and we walk along the river"
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("keywords:existence", {"keywords": ["river", "Sun"]}, "Riverside sun.", "A river."),
    ("keywords:frequency", {"keyword": "sun", "frequency": 2, "relation": "at least"},
     "sun, Sunday", "sun"),
    ("keywords:frequency", {"keyword": "sun", "frequency": 2, "relation": "less than"},
     "sun", "sun sun"),
    ("keywords:forbidden_words", {"forbidden_words": ["sun", "moon"]}, "Sunday", "The Sun."),
    ("keywords:letter_frequency", {"letter": "E", "let_frequency": 2, "let_relation": "at least"},
     "Eel", "to be"),
    ("language:response_language", {"language": "de"}, "Das ist ein schöner Tag.", ENGLISH),
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "less than"},
     "One.", "One. Two."),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb\n***", "a\n\nb"),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a *** b", "a *** *** b"),
    ("length_constraints:number_words", {"num_words": 3, "relation": "at least"},
     "it's so", "so - far"),
    ("length_constraints:nth_paragraph_first_word",
     {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Well"},
     'a\n\n"well," he said', "well\n\nb"),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] [b c]", "[a\n]"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "By.\np. s. so", "PS so"),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "p.p.s more", "P.S. more"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n  - b", "* a\n**b**"),
    ("detectable_format:constrained_response", {}, "Well. My answer is no.", "no"),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2},
     "*a* and *b*", "*a* and ** **"),
    ("detectable_format:multiple_sections", {"section_spliter": "Section", "num_sections": 2},
     "Section 1\na\nSection 2\nb", "Section 1\na\nSection b"),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "a: 1"),
    ("detectable_format:title", {}, "<<On rain>>\nIt rains.", "<< >>"),
    ("combination:two_responses", {}, "one\n******\ntwo", "one ****** one"),
    ("combination:two_responses", {}, "******one******two******", "one******two******three"),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say hi."}, "say HI. Hi!", "Hi!"),
    ("startend:end_checker", {"end_phrase": "Is that all?"}, 'is THAT all?"', "all? No"),
    ("change_case:capital_word_frequency",
     {"capital_frequency": 1, "capital_relation": "at least"}, "GO now", "go now"),
    ("change_case:english_capital", {}, ENGLISH.upper(), ENGLISH),
    ("change_case:english_lowercase", {}, ENGLISH, ENGLISH.title()),
    ("punctuation:no_comma", {}, "a b", "a, b"),
    ("startend:quotation", {}, '"all of it"', '"a" b'),
]  # fmt: skip


def follows(name: str, kwargs: dict[str, Any], text: str) -> tuple[bool, str]:
    specification = {"kind": "ifeval", "instruction_id_list": [name], "kwargs": [kwargs]}
    result = check(parse_verifier(json.dumps(specification)), text)
    assert not result.undecided
    return result.passed, result.why


@pytest.mark.parametrize(("name", "kwargs", "followed", "broken"), CASES)
def test_an_instruction_is_followed_or_not(
    name: str, kwargs: dict[str, Any], followed: str, broken: str
) -> None:
    every_key = {"num_words": None, "keywords": None, "relation": None}  # as rows of the set have
    assert follows(name, {**every_key, **kwargs}, followed) == (True, "follows every instruction")
    passed, why = follows(name, kwargs, broken)
    assert not passed
    assert why.startswith(f"{name}: ")


def test_all_25_are_there() -> None:
    assert len(INSTRUCTIONS) == 25
    assert {name for name, *_ in CASES} == set(INSTRUCTIONS)


@pytest.mark.parametrize(
    ("names", "kwargs", "message"),
    [
        (["length_constraints:number_word"], [{}], "mean 'length_constraints:number_words'"),
        (["punctuation:no_comma"], [{"commas": 1}], "commas"),
        (["keywords:existence"], [{}], "keywords"),
        (["keywords:existence"], [], "keywords"),
        (["punctuation:no_comma"], [{}, {}], "one object for each"),
        (["keywords:letter_frequency"],
         [{"letter": "e", "let_frequency": 1, "let_relation": "about"}], "at least"),
        ([], [], "at least 1 item"),
    ],
)  # fmt: skip
def test_an_instruction_that_is_none_is_refused(
    names: list[str], kwargs: list[dict[str, Any]], message: str
) -> None:
    specification = {"kind": "ifeval", "instruction_id_list": names, "kwargs": kwargs}
    with pytest.raises(InputError, match=message):
        parse_verifier(json.dumps(specification))


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=200), st.sampled_from([case[:2] for case in CASES]))
def test_any_text_is_decided(text: str, case: tuple[str, dict[str, Any]]) -> None:
    follows(*case, text)


@pytest.mark.parametrize("reply", ["[" * 200_000, "*" * 200_001, "<<" * 100_000, " \n" * 100_000])
def test_counting_takes_linear_time(reply: str) -> None:
    for name, kwargs, *_ in CASES:
        if "language" not in name and "change_case" not in name:
            follows(name, kwargs, f"x{reply}")
