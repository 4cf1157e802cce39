"""Prompts from their sources, one at a time, and which files of sources DVC does not watch."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from prefline.config import Source
from prefline.errors import InputError
from prefline.ids import content_hash, content_id
from prefline.sources import Row
from prefline.sources.chat_log import UnusableRequest, read_conversation
from prefline.sources.judged_sets import UnusableRow, read_judged_row
from prefline.sources.rows import cell_text, open_source
from prefline.tables import Rejection
from prefline.tables.messages import without_answer
from prefline.tables.prompts import Prompt, id_of_prompt, prompt_from_row, prompt_of
from prefline.verifiers import parse_verifier, require_checks


@dataclass(slots=True)
class SourceReading:
    """A count of the rows read of a source so far, and their origin (DVC cannot see what is outside
    of the project)."""

    source: str
    rows: int = 0
    origin: Mapping[str, Any] = field(default_factory=dict)


def read_prompts(
    source: Source, root: Path, reading: SourceReading
) -> Iterator[Prompt | Rejection]:
    """Return the prompts of a source, and a rejection for each row that is none.

    A relative path is taken from the project at `root`; `reading` is filled on the way. Raises
    `InputError` for a row, a verifier or an id that is wrong, and if there is no row.
    """
    opened = open_source(source, root)
    reading.origin = opened.origin
    ids = SourceIds()
    for place, row in opened.rows:
        reading.rows += 1
        prompt = _read_row(source, place, row)
        if isinstance(prompt, Prompt) and row.get("id") is not None:
            ids.add(reading.rows, _source_id(row, place), prompt.prompt_id)
        yield prompt
    if not reading.rows:
        raise InputError(f"{source.location} has no rows", "give a source with at least one prompt")
    if clash := ids.clash():
        raise _id_clash(open_source(source, root).rows, *clash)


def _read_row(source: Source, place: str, row: Mapping[str, Any]) -> Prompt | Rejection:
    if source.layout is not None:
        judged = read_judged_row(source.layout, place, row)
        if isinstance(judged, UnusableRow):
            identity = content_id("row", source.name, place)
            detail = f"{place}: {judged.detail}"
            return Rejection("sample", "prompt", identity, judged.reason, detail)
        row = {"messages": judged.messages, "category": judged.category}
    defaults = {"category": source.category, "license": source.license}
    if source.format == "chat_log":
        request = read_conversation(row, place)
        if isinstance(request, UnusableRequest):
            identity = content_id("row", source.name, place)
            return Rejection("sample", "prompt", identity, request.reason, request.detail)
        prompt = prompt_of(request.messages, request.tools, defaults, source.name, place)
    else:
        row = {**row, **{name: row.get(name) or value for name, value in defaults.items()}}
        prompt = prompt_from_row(row, source.name, place)
    if prompt.messages[-1]["role"] == "assistant":
        asked = without_answer(prompt.messages)
        if source.answered == "reject" or not asked:
            return _answered(source, place)
        prompt = replace(prompt, messages=asked, prompt_id=id_of_prompt(asked, prompt.tools))
    if prompt.verifier is not None:
        _check_verifier(prompt.verifier, place)
    return prompt


def _answered(source: Source, place: str) -> Rejection:
    detail = (
        f"{place}: its messages end with the assistant's, so a policy would go on with it; "
        f"`answered: cut` of source {source.name!r} takes what was asked before it"
    )
    return Rejection("sample", "prompt", content_id("row", source.name, place), "answered", detail)


def _check_verifier(specification: str, place: str) -> None:
    try:
        parse_verifier(specification)
    except InputError as error:
        raise InputError(f"{place}: field 'verifier': {error.problem}", error.remedy) from error
    require_checks([specification])


def _source_id(row: Mapping[str, Any], place: str) -> str:
    value = row["id"]
    if isinstance(value, str | int) or (isinstance(value, float) and value.is_integer()):
        return cell_text(value)
    raise InputError(
        f"{place}: field 'id' is {type(row['id']).__name__}, not text or a whole number",
        "make 'id' a string, or leave it out: prompts have ids of their own",
    )


def _id_clash(rows: Iterator[Row], first_row: int, second_row: int) -> InputError:
    first = next(itertools.islice(rows, first_row - 1, None))
    second = next(itertools.islice(rows, second_row - first_row - 1, None))
    return InputError(
        f"{first[0]} and {second[0]}: field 'id' is {first[1]['id']!r} in both, and they are "
        "different prompts",
        "give each prompt an id of its own, or leave 'id' out",
    )


class SourceIds:
    """The ids that a source gives its rows, 24 bytes for each; one that names two different prompts
    is a mistake."""

    def __init__(self) -> None:
        self._ids, self._prompts, self._rows = array("Q"), array("Q"), array("Q")

    def add(self, row: int, source_id: str, prompt_id: str) -> None:
        """Note the id that row number `row`, from 1, gives its prompt."""
        self._rows.append(row)
        self._ids.append(int(content_hash(source_id)[:16], 16))
        self._prompts.append(int(prompt_id, 16))

    def clash(self) -> tuple[int, int] | None:
        """Return two rows, rising, with the same id and different prompts; None if there are
        none."""
        ids, prompts, rows = (
            np.frombuffer(column, np.uint64) for column in (self._ids, self._prompts, self._rows)
        )
        order = np.lexsort((rows, ids))
        ids, prompts, rows = ids[order], prompts[order], rows[order]
        clashes = np.flatnonzero((ids[1:] == ids[:-1]) & (prompts[1:] != prompts[:-1]))
        if not len(clashes):
            return None
        first = clashes[np.argmin(rows[clashes + 1])]
        return int(rows[first]), int(rows[first + 1])


def unwatched_paths(sources: Iterable[Source], deps: Iterable[str]) -> list[str]:
    """Return the files of sources that lie below none of the stage's dependencies, in their order:
    nobody would notice when they change. What is elsewhere (S3, the Hub) is outside of DVC
    anyway."""
    watched = [PurePosixPath(dep) for dep in deps]
    return [
        path
        for source in sources
        for path in source.local_files
        if not any(PurePosixPath(path).is_relative_to(folder) for folder in watched)
    ]
