"""The calls behind rows. A cell of `request_key` names one, several with a space between, or none;
several rows may name one call."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables.encoding import one_chunk

_KEY = "request_key"


def keys_of(cell: str | None) -> list[str]:
    """Return the keys that one cell names."""
    return cell.split() if cell else []


def each_call(table: pa.Table, *columns: str) -> pa.Table:
    """Return one row for each key that a row names: the key as `request_key`, and the row's
    `columns`."""
    named = pc.split_pattern(one_chunk(table[_KEY]), " ")
    rows = pc.list_parent_indices(named)
    beside = {name: table[name].take(rows) for name in columns}
    return pa.table({_KEY: pc.list_flatten(named), **beside})


def distinct_keys(table: pa.Table) -> list[str]:
    """Return every call that the rows name, once, in the order in which they are first named."""
    return [str(key) for key in pc.unique(each_call(table)[_KEY]).to_pylist()]


class SeenCalls:
    """Tells which rows of a table, shown batch by batch, name calls that no earlier row names.

    It keeps a hash of 64 bits of every cell of `request_key`: 8 bytes a row, and as many again
    while it merges its runs. With ten million rows the chance that any two cells have one hash is
    below 3 in a million.
    """

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.uint64]] = []  # sorted, each shorter than the one before

    def first_named(self, keys: Any) -> npt.NDArray[np.bool_]:
        """Return for each cell, (n,), whether it is the first of its value; true for null."""
        # Here, since what reads a table of calls need not have it.
        from xxhash import xxh3_64_intdigest

        cells = keys.to_pylist()
        named = np.array([cell is not None for cell in cells], bool)
        hashes = np.array(
            [xxh3_64_intdigest(cell.encode()) for cell in cells if cell is not None], "u8"
        )
        values, places = np.unique(hashes, return_index=True)
        fresh = np.ones(len(values), bool)
        for run in self._runs:
            at = np.searchsorted(run, values)
            fresh &= run[np.minimum(at, len(run) - 1)] != values
        first = np.zeros(len(hashes), bool)
        first[places[fresh]] = True
        self._add(values[fresh])
        is_first = np.ones(len(cells), bool)
        is_first[named] = first
        return is_first

    def _add(self, values: npt.NDArray[np.uint64]) -> None:
        if not len(values):
            return
        while self._runs and len(self._runs[-1]) <= 2 * len(values):
            values = np.concatenate([self._runs.pop(), values])
            values.sort(kind="stable")  # which merges runs that are sorted
        self._runs.append(values)


def charged_once(table: pa.Table, seen: SeenCalls, *charges: str) -> pa.Table:
    """Return the table with the columns `charges` at 0 in rows whose `request_key` an earlier row
    has, here or in a table shown to `seen` before: requests for equal texts are one call, which is
    paid once."""
    keeps = pa.array(seen.first_named(table[_KEY]))
    for name in charges:
        at, column = table.column_names.index(name), table[name]
        paid = pc.if_else(keeps, column, pa.scalar(0).cast(column.type))
        table = table.set_column(
            at, table.schema.field(at), pc.if_else(pc.is_null(column), column, paid)
        )
    return table
