"""A small run's tables as rows, to plant faults in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from prefline.tables import SCHEMAS, table_from_rows

Row = dict[str, Any]

PROMPTS = 12
FREE = {"input_tokens": 9, "output_tokens": 5, "cost_usd": 0.0}


def message(role: str, content: str) -> Row:
    return {"role": role, "content": content}


def prompt(number: int) -> Row:
    return {
        "prompt_id": f"p{number}",
        "messages": [message("system", "Be brief."), message("user", f"What is {number} + 1?")],
        "source": "made",
        "category": "sums",
        "license": "CC0-1.0",
    }


def evolved(number: int, *parents: int) -> Row:
    return prompt(number) | {
        "source": "evolved",
        "parent_ids": [f"p{one}" for one in parents],
        "style": "deepen" if len(parents) == 1 else "invent",
        "request_key": f"{number:02d}",
    }


def response(number: int, which: str) -> Row:
    return {
        "response_id": f"r{number}{which}",
        "prompt_id": f"p{number}",
        "model": "small",
        "sample_index": 0 if which == "a" else 1,
        "text": f"The sum is {number + 1 if which == 'a' else number + 2}.",
        "finish_reason": "stop",
        "origin": "sampled",
    } | FREE


def judgment(number: int, first: str, second: str) -> Row:
    return {
        "judgment_id": f"j{number}{first}{second}",
        "prompt_id": f"p{number}",
        "first_id": f"r{number}{first}",
        "second_id": f"r{number}{second}",
        "judge": "reader",
        "method": "pairwise",
        "verdict": "first" if first == "a" else "second",
        "p_first": 0.8 if first == "a" else 0.2,
    } | FREE


def preference(number: int) -> Row:
    chosen, rejected = response(number, "a"), response(number, "b")
    return {
        "pair_id": f"x{number}",
        "prompt_id": f"p{number}",
        "prompt": prompt(number)["messages"],
        "chosen": [message("assistant", chosen["text"])],
        "rejected": [message("assistant", rejected["text"])],
        "chosen_id": chosen["response_id"],
        "rejected_id": rejected["response_id"],
        "chosen_model": "small",
        "rejected_model": "small",
        "p_chosen": 0.8,
        "log_odds": math.log(0.8 / (1 - 0.8)),
        "n_judgments": 2,
        "agreement": 1.0,
        "anchored": True,
        "label_source": "ai",
        "split": "test" if number == 0 else "train",
        "category": "sums",
        "source": "made",
        "judges": "reader",
    }


def rejection(number: int) -> Row:
    return {"stage": "judge", "kind": "pair", "id": f"y{number}", "reason": "not_drawn"}


def unsure(number: int) -> Row:
    return {"stage": "pair", "kind": "pair", "id": f"z{number}", "reason": "uncertain"}


def queued(number: int, pair: str, why: str, value: float, n_answers: int = 0) -> Row:
    return {
        "pair_id": f"{pair}{number}",
        "prompt_id": f"p{number}",
        "prompt": prompt(number)["messages"],
        "response_a": response(number, "b")["text"],
        "response_b": response(number, "a")["text"],
        "response_a_id": f"r{number}b",
        "response_b_id": f"r{number}a",
        "why": why,
        "value": value,
        "n_answers": n_answers,
    }


def anchored(number: int, told_by: str) -> Row:
    return {
        "pair_id": f"x{number}",
        "prompt_id": f"p{number}",
        "category": "sums",
        "told_by": told_by,
        "drawn": True,
        "label_source": "ai",
        "p_chosen": 0.8,
        "agrees": True,
        "tie": False,
        "kept": True,
    }


def answered(number: int) -> Row:
    return {
        "pair_id": f"x{number}",
        "prompt_id": f"p{number}",
        "reviewer": "ann",
        "preferred_id": f"r{number}a" if number % 2 else None,
        "answered_at": None,
        "place": f"ann.csv, row {number}",
        "accuracy": 0.9,
    }


@dataclass
class Line:
    """The rows of each table, free to be changed."""

    rows: dict[str, list[Row]] = field(default_factory=dict)

    def change(self, table: str, row: int, **values: Any) -> None:
        self.rows[table][row] |= values

    def tables(self) -> dict[str, pa.Table]:
        return {name: table_from_rows(rows, SCHEMAS[name]) for name, rows in self.rows.items()}


def good_line(prompts: int = PROMPTS) -> Line:
    numbers = range(prompts)
    return Line(
        {
            "prompts": [
                *(prompt(n) for n in numbers[:-2]),
                evolved(numbers[-2], 0),
                evolved(numbers[-1], 1, 2),
            ],
            "held_out": [prompt(n) | {"prompt_id": f"h{n}"} for n in range(2)],
            # The first prompt was drawn by a round before, too: `reuse`.
            "drawn": [
                *({"prompt_id": one, "round": 0} for one in ("e0", "e1", "p0")),
                *({"prompt_id": f"p{n}", "round": 1} for n in numbers),
            ],
            "responses": [response(n, which) for n in numbers for which in "ab"],
            "judgments": [judgment(n, *order) for n in numbers for order in ("ab", "ba")],
            "preferences": [preference(n) for n in numbers],
            "rejections": [*(rejection(n) for n in numbers), *(unsure(n) for n in (4, 5))],
            "review": [
                queued(2, "x", "random", 0.0),
                queued(3, "x", "high_stakes", 0.2),
                queued(4, "z", "begun", 0.0, n_answers=1),
                queued(5, "z", "uncertain", 0.1),
            ],
            "anchors": [
                *(anchored(n, "people") for n in (2, 3, 6, 7)),
                anchored(2, "verifier"),
            ],
            "answers": [answered(n) for n in (2, 3, 6)],
        }
    )
