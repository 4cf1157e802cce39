"""Parquet, checked before it is unpacked: a small file can hold more than fits into memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.errors import InputError
from prefline.sources.rows import MAX_ROW_BYTES, Row, check_columns, too_large
from prefline.tables.unpacking import bounded_batches

_BATCH = 256  # rows


def read_parquet(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """Return the rows of a file, read in batches of a few hundred; of `columns` only, if any.

    Raises `InputError` for a file that is cut off or damaged, one that lacks a column, text that
    is not UTF-8, a row group that says that it unpacks to more than 4 GiB, and a row that is
    larger than one may be.
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
    number = 0
    for batch in bounded_batches(name, file, wanted, _BATCH):
        if batch.nbytes > MAX_ROW_BYTES:
            _check_rows(name, number, batch)
        for row in _as_rows(name, number, batch):
            number += 1
            yield f"{name}, row {number}", row


def _check_rows(name: str, before: int, batch: pa.RecordBatch) -> None:
    for position in range(len(batch)):
        if batch.slice(position, 1).nbytes > MAX_ROW_BYTES:
            raise too_large(f"{name}, row {before + position + 1}", "what is there")


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
