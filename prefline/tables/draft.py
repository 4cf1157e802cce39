"""Rows on their way to a table: written as they come, read again in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from prefline.atomic import disk_errors
from prefline.tables.rejections import Rejection
from prefline.tables.schemas import table_from_rows

_ROWS_AT_ONCE = 1_000


class Draft:
    """A file of rows of one schema, an Arrow stream. Used as a context manager while it is written.

    Single rows are gathered and written in batches. Raises `DiskFull`.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.num_rows = 0
        self.path, self._schema = path, schema
        self._rows: list[Mapping[str, Any]] = []

    def __enter__(self) -> Draft:
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = pa.OSFile(str(self.path), "wb")
            self._writer = pa.ipc.new_stream(self._file, self._schema, options=options)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with disk_errors(self.path):
            if kind is None:
                self._write_rows()
            self._writer.close()
            self._file.close()

    def write(self, rows: pa.Table) -> None:
        """Append rows that are of the schema."""
        with disk_errors(self.path):
            self._writer.write_table(rows)
        self.num_rows += rows.num_rows

    def reject(self, rejections: Iterable[Rejection]) -> None:
        """Append rejections, to a draft of them."""
        self.add(map(asdict, rejections))

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows one by one."""
        for row in rows:
            self._rows.append(row)
            if len(self._rows) >= _ROWS_AT_ONCE:
                self._write_rows()

    def _write_rows(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            self.write(table_from_rows(rows, self._schema))


def read_draft(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a draft that was written to its end, batch by batch."""
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file) as stream:
        yield from stream


def draft_table(path: Path) -> pa.Table:
    """Return the rows of a draft, all at once."""
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file) as stream:
        return stream.read_all()
