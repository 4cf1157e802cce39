"""One JSON object a line."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from prefline.errors import InputError
from prefline.sources.row import MOST_BYTES, Row, not_utf8, too_large


def read_jsonl(path: Path, _columns: Collection[str] | None = None) -> Iterator[Row]:
    """The objects of a file; empty lines are passed over.

    Raises `InputError` that names the row for one that is no object, not UTF-8 or too large.
    """
    with path.open("rb") as file:
        for number, line in enumerate(_lines(file), 1):
            if not line.strip():
                continue
            place = f"{path.name}, row {number}"
            if len(line) > MOST_BYTES:
                raise too_large(place, "the line")
            yield place, _object(line, path, place)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines, none of them read much further than a row may be long."""
    while line := file.readline(MOST_BYTES + 1):
        yield line


def _object(line: bytes, path: Path, place: str) -> dict[str, Any]:
    try:
        row = orjson.loads(line.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        try:
            line.decode()
        except UnicodeDecodeError as bad:
            raise not_utf8(path, bad) from bad
        raise InputError(f"{place}: not valid JSON: {error}", "mend that line") from error
    if not isinstance(row, dict):
        raise InputError(f"{place}: not a JSON object", "give one object on each line")
    return row
