from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from prefline.sources.bundled import bundled_rows
from prefline.tables.prompts import prompt_from_row
from prefline.verifiers import check, parse_verifier

FILE = Path(__file__).parents[4] / "data" / "bundled" / "prompts.jsonl"
ROWS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def test_the_file_is_what_the_templates_make() -> None:
    assert json.loads(json.dumps(list(bundled_rows()))) == ROWS, "run `make prompts`"


def test_there_are_enough_of_enough_kinds() -> None:
    assert len(ROWS) >= 400
    assert len({row["category"] for row in ROWS}) >= 10
    assert sum(row["verifier"] is not None for row in ROWS) >= len(ROWS) / 2


def test_no_two_prompts_are_the_same() -> None:
    assert max(Counter(row["prompt"] for row in ROWS).values()) == 1


def test_every_row_is_a_prompt_with_a_verifier_that_can_be_read() -> None:
    for row in ROWS:
        prompt = prompt_from_row(row, "bundled", "here")
        if prompt.verifier is not None:
            parse_verifier(prompt.verifier)


def test_every_right_answer_passes_its_own_check() -> None:
    answered = [row for row in ROWS if row["reference"] is not None]
    for row in answered:
        verifier = parse_verifier(json.dumps(row["verifier"]))
        assert check(verifier, row["reference"]).passed, row["prompt"]
        assert not check(verifier, "I do not know").passed, row["prompt"]
    assert len(answered) > 200


@pytest.mark.parametrize(
    ("prompt", "right", "wrong"),
    [
        ("What is 4 + 2?", "Well, 4 + 2 = 6.", "4 + 2 is a sum of 2 and 6, so 14 is 2 + 6"),
        (
            "Paul buys 2 bags with 2 stamps in each. How many stamps is that?",
            "That is 2 * 2 = 4 stamps.",
            "Three bags, and a total of 3 * 2 = 6, less 2, is 4 stamps.",
        ),
        ("Which is smaller: 26 or 76?", "26 is smaller than 76.", "26 is a larger number."),
        ("Which is smaller: 17 or 39?", "The answer is 17.", "A total of 39 is smaller than 17."),
        ("Which day comes after Monday?", "Tuesday comes after Monday.", "Monday, after Tuesday."),
        ("Put these numbers in order from small to large: 1, 2, 5.", "1, 2 and 5", "1.1\n2\n5"),
        (
            "What is the plural of the word leaf?",
            "The plural of leaf is leaves.",
            "The singular of the word leaf is leaves.",
        ),
        (
            "Is a tulip a kind of animal or a kind of plant?",
            "A tulip is a plant.",
            "The answer to this classic question is both. A tulip is a plant.",
        ),
        ("Do chairs eat? Begin your answer with yes or no.", "No, they do not.", "Not yes, no."),
        (
            "Describe rivers in exactly three words, one of them rivers.",
            "Rivers run deep.",
            "In a sentence.",
        ),
    ],
)
def test_a_check_sees_whether_a_reply_says_what_is_right(
    prompt: str, right: str, wrong: str
) -> None:
    (row,) = (row for row in ROWS if row["prompt"] == prompt)
    verifier = parse_verifier(json.dumps(row["verifier"]))

    assert check(verifier, right).passed
    assert not check(verifier, wrong).passed


def test_json_with_another_key_is_not_what_was_asked_for() -> None:
    row = next(row for row in ROWS if row["category"] == "json")
    verifier = parse_verifier(json.dumps(row["verifier"]))
    wanted = {
        name: value["const"] for name, value in row["verifier"]["json_schema"]["properties"].items()
    }

    assert check(verifier, f"```json\n{json.dumps(wanted)}\n```").passed
    assert not check(verifier, json.dumps(wanted | {"id": 1})).passed
    assert not check(verifier, f"{json.dumps(wanted)}\nHere it is.").passed
