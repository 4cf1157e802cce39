"""CSV with a header."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from prefline.errors import InputError
from prefline.sources.columns import check_columns
from prefline.sources.row import MOST_BYTES, Row, not_utf8

# Responses are longer than the 128 KiB that a cell may have otherwise.
csv.field_size_limit(MOST_BYTES)


def read_csv(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """The rows of a file, each cell a text, an empty one None.

    Raises `InputError` that names the line for a row with too many or too few cells, a header
    with a name twice or without one of `columns`, and text that is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            _check_header(path, reader.fieldnames or (), columns)
            for row in reader:
                place = f"{path.name}, line {reader.line_num}"
                if None in row or None in row.values():
                    raise InputError(
                        f"{place}: more or fewer cells than the header has columns "
                        f"({len(reader.fieldnames or ())})",
                        "quote cells that contain commas or line breaks",
                    )
                yield place, {name: cell or None for name, cell in row.items()}
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    except csv.Error as error:
        raise InputError(
            f"{path.name}, line {reader.line_num} cannot be read as CSV: {error}",
            "mend its quotes, or save it as Parquet",
        ) from error


def _check_header(path: Path, names: Sequence[str], columns: Collection[str] | None) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            f"{path.name}, line 1: two columns are named {twice[0]!r}", "rename one of them"
        )
    if names:
        check_columns(f"{path.name}, line 1", names, columns or ())
