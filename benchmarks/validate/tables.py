"""The tables of a plausible run: one prompt, two responses, two judgments and a preference each."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefline.tables import (
    DRAWN,
    JUDGMENTS,
    PREFERENCES,
    PROMPTS,
    REJECTIONS,
    RESPONSES,
    REVIEW_QUEUE,
    TableWriter,
    table_from_rows,
)

_AT_ONCE = 20_000
_FREE = {"input_tokens": 60, "output_tokens": 40, "cost_usd": 0.001}
_TEXT = "a sentence of some forty characters, or so. "
_P = 0.9
_QUEUED = 50  # of so many pairs, people are asked about one


def write_tables(data: Path, count: int) -> None:
    """Write `count` preferences with what they were made of."""
    made = {
        "prompts": (PROMPTS, _prompt),
        "drawn": (DRAWN, _drawn),
        "responses": (RESPONSES, _responses),
        "judgments": (JUDGMENTS, _judgments),
        "preferences": (PREFERENCES, _preference),
        "review": (REVIEW_QUEUE, _review),
    }
    for name, (schema, rows_of) in made.items():
        with TableWriter(data / name, schema) as table:
            for start in range(0, count, _AT_ONCE):
                numbers = range(start, min(count, start + _AT_ONCE))
                rows = [row for number in numbers for row in rows_of(number)]
                table.write(table_from_rows(rows, schema))
    with TableWriter(data / "held_out", PROMPTS) as table:
        table.write(PROMPTS.empty_table())
    with TableWriter(data / "rejections", REJECTIONS) as table:
        table.write(REJECTIONS.empty_table())


def queued(count: int) -> range:
    """The pairs of `count` that people are asked about."""
    return range(0, count, _QUEUED)


def _id(kind: str, number: int) -> str:
    return hashlib.sha256(f"{kind}{number}".encode()).hexdigest()[:16]


def _said(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def _asked(number: int) -> list[dict[str, str]]:
    return _said("user", f"Question {number}: {_TEXT * 3}")


def _text(number: int, side: str) -> str:
    return f"Answer {side} to {number}: {_TEXT * (4 + number % 5)}"


def _prompt(number: int) -> Iterator[dict[str, Any]]:
    yield {
        "prompt_id": _id("p", number), "messages": _asked(number), "source": "made",
        "category": f"category {number % 20}", "license": "CC0-1.0",
    }  # fmt: skip


def _drawn(number: int) -> Iterator[dict[str, Any]]:
    yield {"prompt_id": _id("p", number), "round": 0}


def _responses(number: int) -> Iterator[dict[str, Any]]:
    for index, side in enumerate("ab"):
        yield {
            "response_id": _id(side, number), "prompt_id": _id("p", number), "model": "model-a",
            "sample_index": index, "text": _text(number, side), "finish_reason": "stop",
            "origin": "sampled", **_FREE,
        }  # fmt: skip


def _judgments(number: int) -> Iterator[dict[str, Any]]:
    for first, second, verdict, p_first in (("a", "b", "first", _P), ("b", "a", "second", 1 - _P)):
        yield {
            "judgment_id": _id(f"j{first}", number), "prompt_id": _id("p", number),
            "first_id": _id(first, number), "second_id": _id(second, number), "judge": "judge-a",
            "method": "pairwise", "verdict": verdict, "p_first": p_first, **_FREE,
        }  # fmt: skip


def _preference(number: int) -> Iterator[dict[str, Any]]:
    yield {
        "pair_id": _id("x", number), "prompt_id": _id("p", number), "prompt": _asked(number),
        "chosen": _said("assistant", _text(number, "a")),
        "rejected": _said("assistant", _text(number, "b")),
        "chosen_id": _id("a", number), "rejected_id": _id("b", number),
        "chosen_model": "model-a", "rejected_model": "model-a",
        "p_chosen": _P, "log_odds": math.log(_P / (1 - _P)), "n_judgments": 2,
        "agreement": 1.0, "anchored": True,
        "label_source": "ai", "split": "test" if number % 20 == 0 else "train",
        "category": f"category {number % 20}", "source": "made", "judges": "judge-a",
    }  # fmt: skip


def _review(number: int) -> Iterator[dict[str, Any]]:
    if number in queued(number + 1):
        yield {
            "pair_id": _id("x", number), "prompt_id": _id("p", number), "prompt": _asked(number),
            "response_a": _text(number, "a"), "response_b": _text(number, "b"),
            "response_a_id": _id("a", number), "response_b_id": _id("b", number),
            "why": "random", "value": 0.0, "n_answers": 0,
        }  # fmt: skip
