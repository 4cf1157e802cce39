"""The context of a judge beside the answers: its method's files, judged examples, the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefline.errors import InputError
from prefline.ids import content_id
from prefline.sources import read_rows
from prefline.tables.prompts import prompt_from_row
from tasks.judge.comparisons import Comparison, Response
from tasks.judge.judge_prompt import JudgePrompt

_VERDICTS = ("first", "second", "tie")
_FIELDS = ("prompt", "first", "second", "verdict", "reasons")


@dataclass(frozen=True, slots=True)
class Example:
    """A comparison with its right verdict, and the reasons for it, empty where none are given."""

    comparison: Comparison
    verdict: str
    reasons: str = ""


@dataclass(frozen=True, slots=True)
class JudgeContext:
    """The context of one judge beside the answers.

    `seed` is that of its draws, `families` the family of each model whose name does not begin with
    it, `examples` are shown first; `material` is what its method has read (`JudgingMethod.read`),
    `prompt` the judge's own prompt, None for the built-in one.
    """

    seed: int = 0
    families: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    material: Any = None
    prompt: JudgePrompt | None = None


def read_examples(path: Path) -> tuple[Example, ...]:
    """Read judged examples in the file's order: rows of {prompt, first, second, verdict, reasons}.

    Raises `InputError` that names file, row and field.
    """
    return tuple(_example(row, place) for place, row in read_rows(path))


def _example(row: Mapping[str, Any], place: str) -> Example:
    unknown = sorted(set(row) - set(_FIELDS))
    if unknown:
        known = ", ".join(_FIELDS)
        raise InputError(f"{place}: unknown field {unknown[0]!r}", f"known fields: {known}")
    if row.get("verdict") not in _VERDICTS:
        raise InputError(
            f"{place}: field 'verdict' is {row.get('verdict')!r}",
            f"give one of {', '.join(_VERDICTS)}",
        )
    prompt = prompt_from_row({"prompt": row.get("prompt")}, "examples", place)
    sides = [_response(row, side, place) for side in ("first", "second")]
    reasons = row.get("reasons") or ""
    if not isinstance(reasons, str):
        raise InputError(f"{place}: field 'reasons' is not text", "give text, or leave it out")
    return Example(Comparison(prompt, *sides), row["verdict"], reasons)


def _response(row: Mapping[str, Any], side: str, place: str) -> Response:
    text = row.get(side)
    if not isinstance(text, str):
        raise InputError(
            f"{place}: field '{side}' is missing or not text",
            "each example is {prompt, first, second, verdict}, with {reasons} if you like",
        )
    return Response(content_id("example", text), text, "stop")
