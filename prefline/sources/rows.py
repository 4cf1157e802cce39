"""Rows as every reader gives them, an opened source, and a source's columns as fields."""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefline.config import Source
from prefline.errors import InputError

Row = tuple[str, Mapping[str, Any]]
"""The place of a row ("prompts.jsonl, row 3"), for messages, and its values by column."""

MAX_ROW_BYTES = 64 << 20
"""The largest row: no conversation is that long, and a reader holds one row in memory."""


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """Rows to read once, and their origin: the address with the SHA-256 of each file, or the commit
    of a dataset on the Hub. Equal origins give equal rows."""

    rows: Iterator[Row]
    origin: Mapping[str, Any]


def open_source(source: Source, root: Path) -> OpenedSource:
    """Open a source; its rows have the fields that `columns` of the source names.

    Raises what `Source.open` does; the rows raise `InputError` for what cannot be read.
    """
    opened = source.open(root)
    if not source.columns:
        return opened
    return OpenedSource(rename_columns(opened.rows, source.columns, source.location), opened.origin)


def work_folder(root: Path) -> Path:
    """Return the folder for files from elsewhere while they are read; it may be deleted."""
    return root / ".prefline" / "sources"


def wanted_columns(source: Source) -> set[str] | None:
    """Return the columns that a source's fields are taken from; None for all."""
    return set(source.columns.values()) or None


def check_columns(place: str, names: Collection[str], wanted: Collection[str]) -> None:
    """Raise `InputError` for a wanted column that is not among `names`, with the nearest one."""
    for column in sorted(wanted):
        if column not in names:
            near = difflib.get_close_matches(column, names, 1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(
                f"{place}: there is no column {column!r}",
                f"{meant}correct `columns` of the source; the columns are {', '.join(names)}",
            )


def rename_columns(rows: Iterable[Row], columns: Mapping[str, str], location: str) -> Iterator[Row]:
    """Return rows with the fields that `columns` names, each from its column; others are left out.

    `location` is the source, for errors. Raises `InputError` for a row without its prompt, and for
    a column that no row has: each may lack some, as JSON objects do.
    """
    prompt_columns = [columns[field] for field in ("prompt", "messages") if field in columns]
    unseen = set(columns.values())
    known: dict[str, None] = {}
    for place, row in rows:
        if not row.keys() & prompt_columns:
            check_columns(place, row, prompt_columns[:1])
        if unseen:
            known |= dict.fromkeys(row)
            unseen -= row.keys()
        yield place, {field: row[column] for field, column in columns.items() if column in row}
    if known:
        check_columns(f"{location}, in any row", known, unseen)


def cell_text(value: Any) -> str:
    """Return a cell as text. A whole number is written without a fraction: in a column with gaps
    it comes as a float, and 81 and 81.0 are one id, one word."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def too_large(place: str, field: str) -> InputError:
    """Return the error for a row that is larger than `MAX_ROW_BYTES`."""
    return InputError(
        f"{place}: {field} is larger than {MAX_ROW_BYTES >> 20} MiB",
        "see whether a whole file was put there, or its line breaks are missing; drop that row",
    )


def not_utf8(path: Path, error: UnicodeDecodeError) -> InputError:
    """Return the error for a text file in another encoding, with its first line that is not
    UTF-8."""
    with path.open("rb") as file:
        start = file.read(2)
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return InputError(
            f"{path.name} is UTF-16", f"save it as UTF-8: `iconv -f utf-16 -t utf-8 {path.name}`"
        )
    return InputError(
        f"{path.name}, line {_first_bad_line(path)}: not UTF-8: {error.reason}",
        f"save it as UTF-8, such as with `iconv -f latin1 -t utf-8 {path.name}`",
    )


def _first_bad_line(path: Path) -> int:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return number
