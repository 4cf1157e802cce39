"""Parquet of others, unpacked within bounds: a small file can hold more than fits into memory.

A value that is there many times over is in the file once, and every copy of it in the batch. But no
value is larger than all that its column holds in the row group, so that the footer bounds what so
many rows unpack to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.errors import InputError
from prefline.tables.parts import open_parquet

_AT_ONCE = 512 << 20  # bytes of one batch
_GROUP = 4 << 30  # bytes of one row group, in the columns that are wanted
_TABLE = 8 << 30  # bytes of a table that is read whole


def bounded_batches(
    name: str,
    file: pq.ParquetFile,
    columns: Sequence[str],
    most: int,
    groups: Sequence[int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield some columns of a file, at most `most` rows at once and at most 512 MiB, or one row.

    Raises `InputError` for a row group that says that it unpacks to more than 4 GiB.
    """
    groups = range(file.num_row_groups) if groups is None else groups
    for group in groups:
        unpacked = _unpacked(file.metadata.row_group(group), columns)
        if unpacked > _GROUP:
            raise InputError(
                f"{name}, row group {group}: says that it unpacks to {unpacked >> 20:,} MiB, "
                f"and more than {_GROUP >> 20:,} are not read",
                "if the file is what it should be, write it in smaller row groups; or name the "
                "columns that are wanted, where `columns` of a source can",
            )
        rows = min(most, max(1, _AT_ONCE // max(1, unpacked)))
        yield from file.iter_batches(rows, row_groups=[group], columns=list(columns))


def read_bounded(path: Path, columns: Collection[str], *, name: str | None = None) -> pa.Table:
    """Return some columns of a file, those that it has; raise `InputError` where they unpack to
    more than 8 GiB, and what Arrow raises for a file that is damaged."""
    with open_parquet(path) as file:
        schema = pa.schema([one for one in file.schema_arrow if one.name in columns])
        batches = list(_up_to_a_table(name or path.name, file, schema.names))
        return pa.Table.from_batches(batches, schema)


def check_unpacked(path: Path, columns: Sequence[str], name: str) -> None:
    """Raise what `read_bounded` raises, for a reader that takes the columns in another form."""
    with open_parquet(path) as file:
        for _ in _up_to_a_table(name, file, columns):
            pass


def _up_to_a_table(
    name: str, file: pq.ParquetFile, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    unpacked = 0
    for batch in bounded_batches(name, file, columns, 50_000):
        unpacked += batch.nbytes
        if unpacked > _TABLE:
            raise InputError(
                f"{name}: its columns {', '.join(columns)} unpack to more than {_TABLE >> 20:,} "
                "MiB",
                "see whether the file is what it should be; read it in parts",
            )
        yield batch


def _unpacked(group: pq.RowGroupMetaData, wanted: Collection[str]) -> int:
    columns = [group.column(number) for number in range(group.num_columns)]
    return sum(
        column.total_uncompressed_size
        for column in columns
        if column.path_in_schema.split(".")[0] in wanted
    )
