"""Pairs, prompts and tables for the tests of `evaluate`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from prefline.config import HumanPairs
from prefline.ids import content_id
from prefline.stats.bootstrap import Figure
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt
from tasks.evaluate.human import HumanTable, LabelledPair, read_human


def pair(
    prompt: str = "p", chosen: str = "good", rejected: str = "bad", **other: Any
) -> LabelledPair:
    """A pair on a prompt of one turn."""
    messages = (Message(role="user", content=prompt),)
    given = {"category": "c", "p_chosen": 1.0} | other
    return LabelledPair(content_id("prompt", messages), messages, chosen, rejected, **given)


def prompt(text: str, verifier: str | None = None, **other: Any) -> Prompt:
    """A prompt of one turn."""
    messages = (Message(role="user", content=text),)
    given = {"source": "s", "category": "c", "license": "l", "template": None, "reference": None}
    return Prompt(content_id("prompt", messages), messages, verifier=verifier, **(given | other))


def write_jsonl(root: Path, rows: Iterable[Mapping[str, Any]], name: str = "t.jsonl") -> str:
    """Write a table where people's labels lie; its path from the root."""
    path = root / "data" / "imported" / "human" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    return str(path.relative_to(root))


def human(root: Path, *rows: Mapping[str, Any], **section: Any) -> HumanTable:
    """What rows of a table of labels are read as."""
    given = {"name": "t", "path": write_jsonl(root, rows)} | section
    return read_human(HumanPairs.model_validate(given), root)


def known(figure: Figure) -> tuple[float, float, float]:
    """Low end, value and high end of a figure that has them all."""
    assert figure.low is not None
    assert figure.value is not None
    assert figure.high is not None
    return figure.low, figure.value, figure.high
