"""Honest responses: the simulator's to the bundled prompts, and recorded ones where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from benchmarks.labels.recorded_table import FOLDER
from prefline.ids import content_id
from prefline.simulator.generator import planted_text
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt, prompt_from_row

ROOT = Path(__file__).parents[2]
_SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Honest:
    """Prompts and rows of `responses`."""

    prompts: list[Prompt]
    rows: list[dict[str, Any]]


def simulated() -> Honest:
    """Four texts of different planted quality and length for each bundled prompt."""
    lines = (ROOT / "data" / "bundled" / "prompts.jsonl").read_bytes().splitlines()
    prompts = [prompt_from_row(orjson.loads(line), "bundled", "bundled") for line in lines]
    rows = [
        _row(prompt.prompt_id, "simulator", planted_text(at - 1.5, 150 + 250 * at, prompt.text, at))
        for prompt in prompts
        for at in range(_SAMPLES)
    ]
    return Honest(prompts, rows)


def recorded(folder: Path = FOLDER) -> Honest | None:
    """The recorded responses of eight models; None where they are not to be had."""
    if not (folder / "responses.parquet").is_file():
        return None
    asked = pq.read_table(folder / "prompts.parquet").to_pylist()
    said = pq.read_table(folder / "responses.parquet").to_pylist()
    prompts = [_prompt(row["prompt_id"], row["prompt"]) for row in asked]
    return Honest(prompts, [_row(row["prompt_id"], row["model"], row["response"]) for row in said])


def _prompt(identity: str, text: str) -> Prompt:
    messages = (Message(role="user", content=text),)
    return Prompt(identity, messages, "recorded", "", "", None, None, None)


def _row(prompt_id: str, model: str, text: str) -> dict[str, Any]:
    identity = content_id(prompt_id, model, text)
    return {"response_id": identity, "prompt_id": prompt_id, "model": model, "text": text}
