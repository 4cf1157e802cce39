"""A table on disk that is larger than what is needed of it at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.errors import TableError
from prefline.tables.parts import iter_batches, parts_of, read_table, unreadable


class StoredTable:
    """A table folder, or file, of which a column is read when it is asked for, and not kept.

    Raises `TableError` if the folder is missing, or holds a part that cannot be read or is of
    another schema than the first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.num_rows = 0
        self.schema = pa.schema([])
        for place, part in enumerate(parts_of(folder)):
            try:
                with pq.ParquetFile(part) as file:
                    rows, schema = file.metadata.num_rows, file.schema_arrow
            except (pa.ArrowException, OSError) as error:
                raise unreadable(part, error) from error
            if place and schema != self.schema:
                raise TableError(
                    f"{part} has other columns than the parts before it",
                    "remove the table and run `dvc checkout`, or `dvc repro` to make it again",
                )
            self.schema = schema
            self.num_rows += rows

    def __getitem__(self, column: str) -> pa.ChunkedArray[Any]:
        """A column, read anew. Raises `KeyError` if there is none, `TableError` as above."""
        self.schema.field(column)
        return read_table(self._folder, columns=[column])[column]

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns, batch by batch, in file order. Raises `TableError` as above."""
        return iter_batches(self._folder, columns=list(columns))
