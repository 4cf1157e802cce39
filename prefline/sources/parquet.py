"""Parquet, checked before it is unpacked: a small file can hold more than fits into memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.errors import InputError
from prefline.sources.rows import MAX_ROW_BYTES, Row, check_columns, too_large

_BATCH = 256  # rows
_MAX_UNPACKED = 4 << 30  # bytes of one row group, in the columns that are wanted
_DENSE = 200  # times smaller than what is in it, a column is looked at row by row,
_LARGE = 16 << 20  # if so many bytes are in it


def read_parquet(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """Return the rows of a file, read in batches of a few hundred; of `columns` only, if any.

    Raises `InputError` for a file that is cut off or damaged, one that lacks a column, text that
    is not UTF-8, a row group that says that it unpacks to more than 4 GiB, and a batch
    that does unpack to more than a row may have.
    """
    try:
        with pq.ParquetFile(path) as file:
            if columns is not None:
                check_columns(path.name, file.schema_arrow.names, columns)
            wanted = [name for name in file.schema_arrow.names if name in (columns or (name,))]
            yield from _rows(path.name, file, wanted)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path.name} cannot be read as Parquet: {error}",
            "it is cut off or damaged: copy it again, or write it again",
        ) from error


def _rows(name: str, file: pq.ParquetFile, wanted: Sequence[str]) -> Iterator[Row]:
    batch_size = _batch_size(name, file.metadata, wanted)
    number = 0
    for batch in file.iter_batches(batch_size, columns=list(wanted)):
        if batch.nbytes > MAX_ROW_BYTES * min(batch_size, 4):
            raise too_large(f"{name}, rows {number + 1} to {number + len(batch)}", "what is there")
        for row in _as_rows(name, number, batch):
            number += 1
            yield f"{name}, row {number}", row


def _batch_size(name: str, metadata: pq.FileMetaData, wanted: Sequence[str]) -> int:
    """Return how many rows to unpack at once: one where a column is packed as no text is.

    A value that is there many times over is in the file once, and every copy of it in the batch.
    """
    dense = False
    for position in range(metadata.num_row_groups):
        group = metadata.row_group(position)
        columns = [group.column(number) for number in range(group.num_columns)]
        columns = [column for column in columns if column.path_in_schema.split(".")[0] in wanted]
        unpacked = sum(column.total_uncompressed_size for column in columns)
        if unpacked > _MAX_UNPACKED:
            raise InputError(
                f"{name}, row group {position}: says that it unpacks to {unpacked >> 20:,} MiB, "
                f"and more than {_MAX_UNPACKED >> 20:,} are not read",
                "if the file is what it should be, write it in smaller row groups; or name the "
                "columns that are wanted under `columns` of the source",
            )
        dense |= any(
            column.total_uncompressed_size > max(_LARGE, _DENSE * column.total_compressed_size)
            for column in columns
        )
    return 1 if dense else _BATCH


def _as_rows(name: str, before: int, batch: pa.RecordBatch) -> list[dict[str, Any]]:
    try:
        return batch.to_pylist()
    except UnicodeDecodeError as error:
        raise _not_utf8(name, before, batch) from error


def _not_utf8(name: str, before: int, batch: pa.RecordBatch) -> InputError:
    for column, values in zip(batch.schema.names, batch.columns, strict=True):
        for position in range(len(values)):
            try:
                values[position].as_py()
            except UnicodeDecodeError as error:
                return InputError(
                    f"{name}, row {before + position + 1}: field {column!r} is not UTF-8: {error}",
                    "write that column as UTF-8",
                )
    return InputError(f"{name}: not UTF-8", "write its text columns as UTF-8")
