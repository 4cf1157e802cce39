"""Inputs of stages, made without calls: prompts, responses, two judges' verdicts on all pairs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.project import Project
from prefline.tables import DRAWN, PROMPTS, RESPONSES, TableWriter, table_from_rows, write_table
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt, id_of_prompt, write_prompts
from tasks.generate.candidates import SAMPLED, response_id

RESPONSES_A_PROMPT = 4
JUDGMENTS_A_PROMPT = 24  # six pairs, two judges, both orders
JUDGES = {"first": 0.85, "second": 0.75}
"""Two judges, and how often each is right."""
MODEL = "sim-strong"
_WORDS = (
    "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world",
    "school", "state", "family",
)  # fmt: skip
_WORDS_A_PROMPT, _WORDS_A_RESPONSE = 30, 40
_ODD = '{"kind":"regex","pattern":"time","full":false}'
_CHECKED = 10  # of so many prompts one has a check, so that judges are measured against it


def plant_prompts(project: Project, count: int) -> None:
    """Write `data/prompts` and what `sample` writes beside it."""
    write_prompts(project.table("prompts"), map(_prompt, range(count)))
    drawn = [{"prompt_id": _prompt(number).prompt_id, "round": 0} for number in range(count)]
    write_table(project.table("drawn"), table_from_rows(drawn, DRAWN), DRAWN)
    write_table(project.table("held_out"), PROMPTS.empty_table(), PROMPTS)


def plant_responses(project: Project, count: int) -> None:
    """Write `data/responses` of these prompts."""
    with TableWriter(project.table("responses"), RESPONSES) as table:
        for start in range(0, count, 2_500):
            numbers = range(start, min(count, start + 2_500))
            rows = [row for number in numbers for row in _responses(number)]
            table.write(table_from_rows(rows, RESPONSES))


def plant_verdicts(project: Project, count: int) -> dict[str, Path]:
    """Write a table of each judge's verdicts; return their paths from the root."""
    paths = {}
    for judge, accuracy in JUDGES.items():
        path = Path("data") / "imported" / "judgments" / f"{judge}.parquet"
        (project.root / path).parent.mkdir(parents=True, exist_ok=True)
        draw = random.Random(judge)
        columns: dict[str, list[str]] = {"first_id": [], "second_id": [], "verdict": []}
        with pq.ParquetWriter(
            project.root / path, pa.schema(dict.fromkeys(columns, pa.string()))
        ) as out:
            for number in range(count):
                for first, second in combinations(_responses(number), 2):
                    better = first["text"] < second["text"]
                    for one, other, is_first in (
                        (first, second, better), (second, first, not better),
                    ):  # fmt: skip
                        said = is_first == (draw.random() < accuracy)
                        columns["first_id"].append(one["response_id"])
                        columns["second_id"].append(other["response_id"])
                        columns["verdict"].append("first" if said else "second")
                if len(columns["verdict"]) >= 50_000 or number == count - 1:
                    out.write_table(pa.table(columns))
                    columns = {name: [] for name in columns}
        paths[judge] = path
    return paths


def _prompt(number: int) -> Prompt:
    text = f"{number}: {_text(f'prompt {number}', _WORDS_A_PROMPT)}"
    messages = (Message(role="user", content=text),)
    verifier = _ODD if number % _CHECKED == 0 else None
    return Prompt(
        id_of_prompt(messages), messages, "bench", "words", "unknown", None, None, verifier
    )


def _responses(number: int) -> Iterator[dict[str, Any]]:
    prompt = _prompt(number).prompt_id
    for index in range(RESPONSES_A_PROMPT):
        text = _text(f"response {number} {index}", _WORDS_A_RESPONSE)
        yield {
            "response_id": response_id(prompt, MODEL, index, SAMPLED, text),
            "prompt_id": prompt, "model": MODEL, "sample_index": index, "text": text,
            "finish_reason": "stop", "origin": SAMPLED, "input_tokens": 40, "output_tokens": 60,
            "cost_usd": 0.0001,
        }  # fmt: skip


def _text(seed: str, words: int) -> str:
    return " ".join(random.Random(seed).choices(_WORDS, k=words))
