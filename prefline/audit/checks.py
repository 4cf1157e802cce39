"""What an audit table must be before anything is computed: each fault names its row."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefline.audit.columns import GOLD, REQUIRED, VERDICTS
from prefline.errors import InputError


def check(table: pa.Table, name: str) -> None:
    """Raises `InputError`, naming file, row and field, for the first fault of a table.

    A verdict that contradicts `p_first` is no fault: the verdict counts wherever verdicts
    are counted, `p_first` wherever probabilities are.
    """
    if not table.num_rows:
        raise InputError(f"{name} has no rows", "give a table with one row for each verdict")
    _check_columns(table, name)
    for field in REQUIRED:
        _no_row(pc.is_null(table[field]), table, (name, field), "fill the cell or drop the row")
    _check_known(table, "verdict", VERDICTS, name)
    _check_known(table, "gold", GOLD, name)
    _check_something_said(table, name)
    _check_numbers(table, name)
    same = pc.equal(table["first_id"], table["second_id"])
    _no_row(same, table, (name, "second_id"), "it is `first_id` too: give two different responses")


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
    _no_row(unknown, table, (name, field), f"give one of {', '.join(known)}")


def _check_something_said(table: pa.Table, name: str) -> None:
    silent: Any = pa.chunked_array([pa.repeat(True, table.num_rows)])
    for field in ("verdict", "p_first"):
        if field in table.column_names:
            silent = pc.and_(silent, pc.is_null(table[field]))
    field = "verdict" if "verdict" in table.column_names else "p_first"
    remedy = "give `verdict` or `p_first`; a reply that could not be read is `invalid`"
    _no_row(silent, table, (name, field), remedy)


def _check_numbers(table: pa.Table, name: str) -> None:
    if "p_first" in table.column_names:
        p = table["p_first"]
        outside = pc.or_(pc.less(p, pa.scalar(0.0)), pc.greater(p, pa.scalar(1.0)))
        _no_row(outside, table, (name, "p_first"), "give a probability from 0 to 1")
    for field in ("first_length", "second_length"):
        if field in table.column_names:
            length = table[field]
            wrong = pc.or_(pc.less(length, pa.scalar(0.0)), pc.invert(pc.is_finite(length)))
            _no_row(wrong, table, (name, field), "give a length of 0 or more")


def _no_row(fault: Any, table: pa.Table, place: tuple[str, str], remedy: str) -> None:
    """Raise for the first row where `fault` (booleans, null is no fault) holds."""
    row = pc.index(fault, pa.scalar(True)).as_py()
    if row < 0:
        return
    name, field = place
    value = table[field][row].as_py()
    said = "is missing" if value is None else f"is {value!r}"
    raise InputError(f"{name}, row {row + 1}: `{field}` {said}", remedy)
