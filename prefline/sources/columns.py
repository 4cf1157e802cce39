"""A source's own columns as the fields of a prompt."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping

from prefline.errors import InputError
from prefline.sources.row import Row


def check_columns(place: str, names: Collection[str], wanted: Collection[str]) -> None:
    """Raises `InputError` for a wanted column that is not among `names`, with the nearest one."""
    for column in sorted(wanted):
        if column not in names:
            raise _no_column(place, column, names)


def renamed(rows: Iterable[Row], columns: Mapping[str, str], where: str) -> Iterator[Row]:
    """Rows with the fields that `columns` name, each with the column that it is taken from. Other
    columns are left out. `where` is the source, for errors.

    Raises `InputError` for a row without its prompt, and for a column that no row has: each may
    lack some, as JSON objects do.
    """
    asked = [columns[field] for field in ("prompt", "messages") if field in columns]
    never = set(columns.values())
    seen: dict[str, None] = {}
    for place, row in rows:
        if not row.keys() & asked:
            check_columns(place, row, asked[:1])
        if never:
            seen |= dict.fromkeys(row)
            never -= row.keys()
        yield place, {field: row[column] for field, column in columns.items() if column in row}
    if seen:
        check_columns(f"{where}, in any row", seen, never)


def _no_column(place: str, column: str, names: Collection[str]) -> InputError:
    near = difflib.get_close_matches(column, names, 1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return InputError(
        f"{place}: there is no column {column!r}",
        f"{meant}correct `columns` of the source; the columns are {', '.join(names)}",
    )
