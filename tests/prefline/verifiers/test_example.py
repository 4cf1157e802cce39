"""The answers of `examples/checks-that-run` are as right as they say, by their prompts' checks."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from prefline.config import read_params
from prefline.verifiers import check, parse_verifier, sandbox

EXAMPLE = Path(__file__).parents[3] / "examples" / "checks-that-run"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (EXAMPLE / name).read_text().splitlines()]


ANSWERS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for _row in rows("answers.jsonl"):
    ANSWERS[_row["prompt"]].append(_row)


@pytest.mark.parametrize("row", rows("prompts.jsonl"), ids=lambda row: row["prompt"][:20])
def test_a_check_tells_right_answers_from_wrong_ones(row: dict[str, Any]) -> None:
    if row["verifier"]["kind"] == "code" and (missing := sandbox.what_is_missing()):
        pytest.skip(f"{missing[0]}: {missing[1]}")
    verifier = parse_verifier(json.dumps(row["verifier"]))
    answers = ANSWERS[row["prompt"]]
    results = [check(verifier, answer["text"]) for answer in answers]
    assert [result.passed for result in results] == [answer["right"] for answer in answers]
    assert not any(result.undecided for result in results)


def test_its_params_can_be_read() -> None:
    assert read_params(EXAMPLE / "params.yaml").judge.judges[0].method == "verifier"
