"""The calls behind rows. A cell of `request_key` names one, several with a space between, or none;
several rows may name one call."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables.encoding import encode_texts, one_chunk

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


def count_calls_by(table: pa.Table, by: str) -> dict[str, int]:
    """Return how many different calls the rows name, by the value of a text column."""
    counted = each_call(table, by).group_by(by).aggregate([(_KEY, "count_distinct")])
    return {row[by]: row[f"{_KEY}_count_distinct"] for row in counted.to_pylist()}


def charged_once(table: pa.Table, *charges: str) -> pa.Table:
    """Return the table with the columns `charges` at 0 in rows whose `request_key` an earlier row
    has: requests for equal texts are one call, which is paid once."""
    keys = encode_texts(table[_KEY]).indices
    numbers = keys.fill_null(-1).to_numpy()
    first = np.zeros(len(numbers), dtype=bool)
    first[np.unique(numbers, return_index=True)[1]] = True
    keeps = pa.array(first | (numbers < 0))
    for name in charges:
        at, column = table.column_names.index(name), table[name]
        paid = pc.if_else(keeps, column, pa.scalar(0).cast(column.type))
        table = table.set_column(
            at, table.schema.field(at), pc.if_else(pc.is_null(column), column, paid)
        )
    return table
