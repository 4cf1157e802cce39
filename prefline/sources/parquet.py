"""Parquet, checked before it is unpacked: a small file can hold more than fits into memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.errors import InputError
from prefline.sources.rows import MAX_ROW_BYTES, Row, check_columns, too_large
from prefline.tables.parts import open_parquet
from prefline.tables.unpacking import bounded_batches

_BATCH = 256  # rows
_CHECKED_AT_ONCE = 10_000


def read_parquet(path: Path, columns: Collection[str] | None = None) -> Iterator[Row]:
    """Return the rows of a file, read in batches of a few hundred; of `columns` only, if any.

    Raises `InputError` as `read_batches` does, and for a file that lacks a column.
    """
    for before, batch in read_batches(path, columns):
        yield from rows_of_batch(path, before, batch)


def read_batches(
    path: Path, columns: Collection[str] | None = None, rows: int = _BATCH
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the rows of a file in batches, each with the number of rows before it; of `columns`
    only, if any.

    Raises `InputError` for a file that is cut off or damaged, one that lacks a column, a row group
    that says that it unpacks to more than 4 GiB, and a row that is larger than one may be.
    """
    try:
        with open_parquet(path) as file:
            if columns is not None:
                check_columns(path.name, file.schema_arrow.names, columns)
            wanted = [name for name in file.schema_arrow.names if name in (columns or (name,))]
            before = 0
            for batch in bounded_batches(path.name, file, wanted, rows):
                if batch.nbytes > MAX_ROW_BYTES:
                    _check_rows(path.name, before, batch)
                yield before, batch
                before += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def check_file(path: Path) -> None:
    """Raise what reading all rows of a file would, in a fraction of the time."""
    for before, batch in read_batches(path, rows=_CHECKED_AT_ONCE):
        try:
            batch.validate(full=True)
        except pa.ArrowInvalid:
            _as_rows(path.name, before, batch)
            raise


def column_names(path: Path) -> list[str]:
    """Return the names of a file's columns. Raises `InputError` for a damaged file."""
    try:
        return pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def rows_of_batch(path: Path, before: int, batch: pa.RecordBatch) -> Iterator[Row]:
    """Yield the rows of a batch that `before` others precede. Raises `InputError` for text that is
    not UTF-8."""
    for number, row in enumerate(_as_rows(path.name, before, batch), before + 1):
        yield f"{path.name}, row {number}", row


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


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path.name} cannot be read as Parquet: {error}",
        "it is cut off or damaged: copy it again, or write it again",
    )
