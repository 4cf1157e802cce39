"""The audit table: its columns, reading it from Parquet, JSONL or CSV, and checking it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefline.errors import InputError
from prefline.sources import read_rows
from prefline.sources.rows import cell_text

# One row for each verdict, in the order that the judge saw.
REQUIRED = ("pair_id", "judge", "first_id", "second_id")
OPTIONAL_TEXT = ("verdict", "gold", "prompt_id", "category", "first_model", "second_model")
TEXT = (*REQUIRED, *OPTIONAL_TEXT)
VOTES = ("votes_first", "votes_second", "votes_tie")  # of which p_first is the share
NUMBERS = ("p_first", "first_length", "second_length", *VOTES)
COLUMNS = (*TEXT, *NUMBERS)

# How verdicts and gold are kept in arrays: 1 for the first shown, -1 for the second. A missing
# gold is NONE too.
FIRST, SECOND, TIE, NONE = 1, -1, 0, 2
VERDICTS = {"first": FIRST, "second": SECOND, "tie": TIE, "invalid": NONE}
GOLD = {"first": FIRST, "second": SECOND, "tie": TIE}

_JSON_BLOCK = 16 << 20  # bytes; a line must fit into one


def read_table(path: Path) -> pa.Table:
    """Return the known columns of a file, text as strings, numbers as float64; skip the others.

    A folder is `data/judgments` of a project. An empty cell and a number that is NaN are nulls.
    Raises `InputError` for a missing file,
    an unknown ending, a file that is not what its ending says, or a cell that is no number.
    """
    if path.is_dir():
        from prefline.audit.own import read_own

        return read_own(path)
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
    from prefline.tables.unpacking import read_bounded

    try:
        return read_bounded(path, COLUMNS)
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
    """Read what Arrow's reader refuses, such as mixed types; the first row at fault is named."""
    rows = [row for _, row in read_rows(path)]
    names = [n for n in COLUMNS if any(row.get(n) is not None for row in rows)]
    return pa.table({n: pa.array([_text(row.get(n)) for row in rows], pa.string()) for n in names})


def _text(value: Any) -> str | None:
    return None if value is None else cell_text(value)


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
        table = csv.read_csv(path, parse_options=parse, convert_options=convert)
    except pa.ArrowException:
        return _read_by_row(path)
    if len(table.column_names) == 1:  # another separator, say: the strict reader says which
        return _read_by_row(path)
    # A stray quote makes one cell of all lines up to the next, or up to the end of the file, and
    # Arrow takes that: the strict reader names it.
    if _has_quotes(path) and sum(1 for _ in read_rows(path)) != table.num_rows:
        return _read_by_row(path)
    return table


def _has_quotes(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(1 << 20), b""))


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
        text = pc.cast(column, pa.string())
    except pa.ArrowException as error:
        raise InputError(
            f"{path.name}, row 1: `{name}` is of type {column.type}, not text",
            "write the column as strings or whole numbers",
        ) from error
    try:
        text.validate(full=True)
    except pa.ArrowInvalid as error:
        row = _first_not_utf8(text)
        raise InputError(
            f"{path.name}, row {row + 1}: `{name}` is not UTF-8", "write that column as UTF-8"
        ) from error
    return text


def _first_not_utf8(column: pa.ChunkedArray[Any]) -> int:
    for row, value in enumerate(column):
        try:
            value.as_py()
        except UnicodeDecodeError:
            return row
    return 0


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


def check_table(table: pa.Table, name: str) -> None:
    """Raise `InputError`, naming file, row and field, for the first fault of a table.

    A verdict that contradicts `p_first` is no fault: the verdict counts wherever verdicts
    are counted, `p_first` wherever probabilities are.
    """
    if not table.num_rows:
        raise InputError(f"{name} has no rows", "give a table with one row for each verdict")
    _check_columns(table, name)
    for field in REQUIRED:
        _refuse_rows(pc.is_null(table[field]), table, name, field, "fill the cell or drop the row")
    _check_known(table, "verdict", VERDICTS, name)
    _check_known(table, "gold", GOLD, name)
    _check_verdicts(table, name)
    _check_numbers(table, name)
    same = pc.equal(table["first_id"], table["second_id"])
    remedy = "it is `first_id` too: give two different responses"
    _refuse_rows(same, table, name, "second_id", remedy)


def _check_columns(table: pa.Table, name: str) -> None:
    missing = [field for field in REQUIRED if field not in table.column_names]
    if missing:
        raise InputError(
            f"{name} lacks the column {', '.join(f'`{field}`' for field in missing)}",
            f"it needs {', '.join(REQUIRED)}, and `verdict` or `p_first`",
        )
    if not {"verdict", "p_first"} & set(table.column_names):
        raise InputError(
            f"{name} has neither the column `verdict` nor `p_first`",
            "say what the judge said: `verdict` (first, second, tie, invalid) or `p_first`",
        )


def _check_known(table: pa.Table, field: str, known: Collection[str], name: str) -> None:
    if field not in table.column_names:
        return
    unknown = pc.invert(pc.is_in(table[field], pa.array([*known, None], pa.string())))
    _refuse_rows(unknown, table, name, field, f"give one of {', '.join(known)}")


def _check_verdicts(table: pa.Table, name: str) -> None:
    empty: Any = pa.chunked_array([pa.repeat(True, table.num_rows)])
    for field in ("verdict", "p_first"):
        if field in table.column_names:
            empty = pc.and_(empty, pc.is_null(table[field]))
    field = "verdict" if "verdict" in table.column_names else "p_first"
    remedy = "give `verdict` or `p_first`; a reply that could not be read is `invalid`"
    _refuse_rows(empty, table, name, field, remedy)


def _check_numbers(table: pa.Table, name: str) -> None:
    if "p_first" in table.column_names:
        p = table["p_first"]
        outside = pc.or_(pc.less(p, pa.scalar(0.0)), pc.greater(p, pa.scalar(1.0)))
        _refuse_rows(outside, table, name, "p_first", "give a probability from 0 to 1")
    for field, what in (
        *((name, "length") for name in ("first_length", "second_length")),
        *((name, "number of votes") for name in VOTES),
    ):
        if field in table.column_names:
            number = table[field]
            wrong = pc.or_(pc.less(number, pa.scalar(0.0)), pc.invert(pc.is_finite(number)))
            _refuse_rows(wrong, table, name, field, f"give a {what} of 0 or more")


def _refuse_rows(fault: Any, table: pa.Table, name: str, field: str, remedy: str) -> None:
    """Raise for the first row where `fault` (booleans, null is no fault) holds."""
    row = pc.index(fault, pa.scalar(True)).as_py()
    if row < 0:
        return
    value = table[field][row].as_py()
    problem = "is missing" if value is None else f"is {value!r}"
    raise InputError(f"{name}, row {row + 1}: `{field}` {problem}", remedy)
