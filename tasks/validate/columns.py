"""Arrow's columns and the functions on them, as the type checker should see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import pyarrow as pa
import pyarrow.compute

from prefline.tables import StoredTable

Column: TypeAlias = "pa.ChunkedArray[Any]"
"""A column of a table, in chunks."""

Chunk: TypeAlias = "pa.Array[Any]"
"""One chunk of a column."""

Values = TypeVar("Values", "pa.ChunkedArray[Any]", "pa.Array[Any]")
"""A column, or one chunk of it."""

Rows: TypeAlias = pa.Table | StoredTable
"""The rows of a table, in memory or on disk."""

# Untyped on purpose: the stubs give many of its functions a scalar's type whatever goes in.
pc: Any = pyarrow.compute


def batches(rows: Rows, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of a table, batch by batch."""
    if isinstance(rows, StoredTable):
        return rows.batches(columns)
    return iter(rows.select(list(columns)).to_batches())


def by_batch(
    rows: Rows, columns: Sequence[str], look: Callable[[pa.RecordBatch], Mapping[str, Chunk]]
) -> dict[str, Column]:
    """What `look` makes of some columns, as columns again: long texts are in memory a batch at a
    time."""
    nothing = pa.RecordBatch.from_pylist(
        [], pa.schema([rows.schema.field(name) for name in columns])
    )
    found = [look(batch) for batch in batches(rows, columns)] or [look(nothing)]
    return {name: pa.chunked_array([one[name] for one in found]) for name in found[0]}
