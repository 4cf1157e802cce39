from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

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
