"""Reading an audit table: Parquet, JSONL or CSV into Arrow columns of fixed types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefline.audit.columns import COLUMNS, TEXT
from prefline.errors import InputError
from prefline.sources import read_rows

_JSON_BLOCK = 16 << 20  # bytes; a line must fit into one


def read_columns(path: Path) -> pa.Table:
    """The known columns of a file, text as strings and numbers as float64; others are not read.

    An empty cell and a number that is NaN are nulls. Raises `InputError` for a missing file,
    an unknown ending, a file that is not what its ending says, or a cell that is no number.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path}: the ending {path.suffix!r} is not known",
            f"give a file that ends in {', '.join(_READERS)}",
        )
    if not path.is_file():
        raise InputError(f"{path} does not exist", "correct the path of the table")
    table = reader(path)
    names = [name for name in COLUMNS if name in table.column_names]
    _check_once(table, names, path)
    columns = [_typed(table.column(name), name, path) for name in names]
    return pa.table(columns, names=names)


def _check_once(table: pa.Table, names: list[str], path: Path) -> None:
    twice = [name for name in names if table.column_names.count(name) > 1]
    if twice:
        raise InputError(
            f"{path.name} has the column `{twice[0]}` more than once", "keep one of them"
        )


def _read_parquet(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        return file.read(columns=[n for n in COLUMNS if n in file.schema_arrow.names])
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path.name} cannot be read as Parquet: {error}", "write the file again"
        ) from error


def _read_jsonl(path: Path) -> pa.Table:
    from pyarrow import json

    schema = pa.schema([(n, pa.string() if n in TEXT else pa.float64()) for n in COLUMNS])
    parse = json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        table = json.read_json(
            path, read_options=json.ReadOptions(block_size=_JSON_BLOCK), parse_options=parse
        )
    except pa.ArrowException:
        return _read_by_row(path)
    # The schema adds what no line has; a column of nulls says as little as none.
    used = [n for n in COLUMNS if table.column(n).null_count < table.num_rows]
    return table.select(used)


def _read_by_row(path: Path) -> pa.Table:
    """What Arrow's reader refuses: says which row is at fault, and reads mixed types."""
    rows = [row for _, row in read_rows(path)]
    names = [n for n in COLUMNS if any(row.get(n) is not None for row in rows)]
    return pa.table({n: pa.array([_text(row.get(n)) for row in rows], pa.string()) for n in names})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _read_csv(path: Path) -> pa.Table:
    from pyarrow import csv

    convert = csv.ConvertOptions(
        column_types={name: pa.string() for name in COLUMNS},
        strings_can_be_null=True,
        null_values=[""],
        quoted_strings_can_be_null=True,
    )
    parse = csv.ParseOptions(newlines_in_values=True)
    try:
        return csv.read_csv(path, parse_options=parse, convert_options=convert)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path.name} cannot be read as CSV: {error}",
            "save it as UTF-8, with a header and as many cells in each row",
        ) from error


def _typed(column: pa.ChunkedArray[Any], name: str, path: Path) -> pa.ChunkedArray[Any]:
    if name in TEXT:
        return _as_text(column, name, path)
    try:
        numbers: Any = pc.cast(column, pa.float64())
    except pa.ArrowException as error:
        row = _first_not_a_number(column)
        raise InputError(
            f"{path.name}, row {row + 1}: `{name}` is {column[row].as_py()!r}, not a number",
            "give a number, or leave the cell empty",
        ) from error
    known: pa.ChunkedArray[Any] = pc.if_else(
        pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers
    )
    return known


def _as_text(column: pa.ChunkedArray[Any], name: str, path: Path) -> pa.ChunkedArray[Any]:
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowException as error:
        raise InputError(
            f"{path.name}, row 1: `{name}` is of type {column.type}, not text",
            "write the column as strings or whole numbers",
        ) from error


def _first_not_a_number(column: pa.ChunkedArray[Any]) -> int:
    for row, value in enumerate(column.to_pylist()):
        try:
            float(0 if value is None else value)
        except (TypeError, ValueError):
            return row
    return 0


_READERS: Mapping[str, Callable[[Path], pa.Table]] = {
    ".parquet": _read_parquet,
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
}
