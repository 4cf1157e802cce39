"""Prompts from their sources, one at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefline.config import Source
from prefline.errors import InputError
from prefline.ids import content_id
from prefline.sources import Row
from prefline.sources.chat_log import Unusable, conversation
from prefline.sources.opening import open_source
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt, prompt_from_row
from prefline.verifiers import parse_verifier
from tasks.sample.given_ids import GivenIds


@dataclass(slots=True)
class Reading:
    """What was read of a source: its rows so far, and where they came from (for DVC cannot see
    what is not in the project)."""

    source: str
    rows: int = 0
    origin: Mapping[str, Any] = field(default_factory=dict)


def read_prompts(source: Source, root: Path, reading: Reading) -> Iterator[Prompt | Rejection]:
    """The prompts of a source, a relative path taken from the project's folder, and what of its
    traffic is no prompt. `reading` is told what was read.

    Raises `InputError` for a row, a verifier or an id that is wrong, and if there is no row.
    """
    opened = open_source(source, root)
    reading.origin = opened.origin
    given = GivenIds()
    for place, row in opened.rows:
        reading.rows += 1
        found = _prompt(source, place, row)
        if isinstance(found, Prompt) and row.get("id") is not None:
            given.note(reading.rows, _id(row, place), found.prompt_id)
        yield found
    if not reading.rows:
        where = source.path or f"the query of source {source.name!r}"
        raise InputError(f"{where} has no rows", "give a source with at least one prompt")
    if clash := given.clash():
        raise _clash(open_source(source, root).rows, clash)


def _prompt(source: Source, place: str, row: Mapping[str, Any]) -> Prompt | Rejection:
    if source.format == "chat_log":
        found = conversation(row, place)
        if isinstance(found, Unusable):
            identity = content_id("row", source.name, place)
            return Rejection("sample", "prompt", identity, found.reason, found.detail)
        row = {"messages": found}
    defaults = {"category": source.category, "license": source.license}
    row = {**row, **{name: row.get(name) or value for name, value in defaults.items()}}
    prompt = prompt_from_row(row, source.name, place)
    if prompt.verifier is not None:
        _check_verifier(prompt.verifier, place)
    return prompt


def _check_verifier(specification: str, place: str) -> None:
    try:
        parse_verifier(specification)
    except InputError as error:
        raise InputError(f"{place}: field 'verifier': {error.problem}", error.remedy) from error


def _id(row: Mapping[str, Any], place: str) -> str:
    if isinstance(row["id"], str | int):
        return str(row["id"])
    raise InputError(
        f"{place}: field 'id' is {type(row['id']).__name__}, not text or a whole number",
        "make 'id' a string, or leave it out: prompts have ids of their own",
    )


def _clash(rows: Iterator[Row], clash: tuple[int, int]) -> InputError:
    one, other = (next(itertools.islice(rows, n, None)) for n in (clash[0] - 1, *_gap(clash)))
    return InputError(
        f"{one[0]} and {other[0]}: field 'id' is {one[1]['id']!r} in both, and they are different "
        "prompts",
        "give each prompt an id of its own, or leave 'id' out",
    )


def _gap(clash: tuple[int, int]) -> tuple[int]:
    """How many rows lie between the two."""
    return (clash[1] - clash[0] - 1,)
