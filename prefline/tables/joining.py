"""Joins and sorts of tables that are larger than memory, by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.errors import DiskFull, TableError
from prefline.tables.parts import StoredTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Rows: TypeAlias = pa.Table | StoredTable
"""The rows of a table, in memory or on disk."""

BATCH_ROWS = 8_192  # of long texts these are some 100 MB


def batches_of(rows: Rows, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Return some columns of a table, batch by batch."""
    if isinstance(rows, StoredTable):
        return rows.batches(columns, BATCH_ROWS)
    return iter(rows.select(list(columns)).to_batches(BATCH_ROWS))


@contextmanager
def open_duckdb(work: Path | None, memory_gb: float) -> Iterator[tuple[DuckDBPyConnection, Path]]:
    """Give a database in memory, and a folder.

    What does not fit into `memory_gb` is put into the folder, which is in `work` or among the
    machine's temporary files, and removed in the end.
    """
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(dir=work, prefix="duckdb-") as folder,
        connect_duckdb(Path(folder), memory_gb) as connection,
    ):
        yield connection, Path(folder)


def connect_duckdb(folder: Path, memory_gb: float) -> DuckDBPyConnection:
    """Return a database in memory that puts what does not fit into `memory_gb` into the folder.

    Every database has a limit: by default DuckDB takes four fifths of the machine's memory.
    """
    import duckdb

    limit = f"{round(memory_gb * 1e3)}MB"
    return duckdb.connect(config={"memory_limit": limit, "temp_directory": str(folder)})


def offer(connection: DuckDBPyConnection, name: str, rows: Rows | Sequence[Path]) -> None:
    """Make rows, or those of Parquet files, a view of this name, with the number of each in
    `row_at`."""
    if isinstance(rows, pa.Table):
        connection.register(name, rows.append_column("row_at", pa.array(np.arange(rows.num_rows))))
    else:
        parts = rows.parts if isinstance(rows, StoredTable) else rows
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {rows_of_files(parts)}")


def rows_of_files(parts: Sequence[Path]) -> str:
    """Return the query for the rows of Parquet files, with the number of each in `row_at`."""
    sizes = [pq.read_metadata(part).num_rows for part in parts]
    starts = [0, *accumulate(sizes)][: len(parts)]
    files = ", ".join(quoted(part) for part in parts)
    row_at = f"{starts}[CAST(file_index + 1 AS BIGINT)] + file_row_number"
    return f"SELECT *, {row_at} AS row_at FROM read_parquet([{files}])"  # noqa: S608 - of paths alone


def quoted(text: str | Path) -> str:
    """Return a text as SQL has it."""
    return "'" + str(text).replace("'", "''") + "'"


@contextmanager
def duckdb_errors() -> Iterator[None]:
    """Raise errors of DuckDB as `DiskFull` and `TableError`."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise DiskFull(
            f"tables could not be joined: {error}",
            "free space beside the project, where it puts what does not fit into "
            "tables.memory_gb of params.yaml, or raise that",
        ) from error
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise TableError(
            f"a table could not be read: {error}",
            "run `dvc checkout`, or `dvc repro` to make it again",
        ) from error
