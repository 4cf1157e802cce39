"""Reading and writing a table: a folder of `part-00000.parquet`, zstd, byte-identical
for identical rows. A folder appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.atomic import atomic_folder, disk_errors
from prefline.errors import TableError
from prefline.ids import sha256_of
from prefline.tables.schemas import has_turns, with_turns

ROWS_PER_PART = 250_000
ROWS_PER_GROUP = 50_000
_WRITERS = {
    "prompts": "sample", "responses": "generate", "judgments": "judge", "canaries": "judge",
    "preferences": "pair", "review": "pair", "anchors": "pair",
}  # fmt: skip


class TableWriter:
    """Writes a table in constant memory; the folder is renamed into place on a clean exit.

    Used as a context manager: leaving it by an exception removes the half-written folder
    and leaves what stood at `folder` before as it was. An empty table has one part with
    no rows, so that its schema can be read. Rows with turns make the whole table one with turns.
    """

    def __init__(self, folder: Path, schema: pa.Schema, *, rows_per_part: int = ROWS_PER_PART):
        self._folder = folder
        self._schema = schema
        self._rows_per_part = rows_per_part
        self._draft = folder
        self._stack = ExitStack()
        self._part: pq.ParquetWriter | None = None
        self._parts = 0
        self._rows_in_part = 0

    @property
    def draft(self) -> Path:
        """The folder that is being written: files put here appear with the table."""
        return self._draft

    def write(self, rows: pa.Table) -> None:
        """Append rows.

        Raises `TableError` if they are not of the schema, `DiskFull` if there is no space.
        """
        if has_turns(rows.schema) and not has_turns(self._schema):
            self._widen()
        try:
            rows = of_schema(rows, self._schema)
        except (pa.ArrowInvalid, KeyError) as error:
            raise TableError(
                f"rows for {self._folder} are not of its schema: {error}",
                "this is a fault in the stage that made them; report it with this message",
            ) from error
        with disk_errors(self._folder):
            for start in range(0, rows.num_rows, ROWS_PER_GROUP):
                self._write_group(rows.slice(start, ROWS_PER_GROUP))

    def _widen(self) -> None:
        """Go on with the schema with turns, and give it to the rows that are written already."""
        self._schema = with_turns(self._schema)
        if self._part is None:
            return
        self._part.close()
        self._part, parts, self._parts = None, self._parts, 0
        with disk_errors(self._folder):
            for number in range(parts):
                simple = self._draft / f"part-{number:05d}.parquet"
                earlier = simple.rename(simple.with_suffix(".simple"))
                with open_parquet(earlier) as file:
                    for group in range(file.num_row_groups):
                        self._write_group(of_schema(file.read_row_group(group), self._schema))
                earlier.unlink()

    def _write_group(self, rows: pa.Table) -> None:
        if self._part is None or self._rows_in_part >= self._rows_per_part:
            self._open_part()
        assert self._part is not None
        self._part.write_table(rows, row_group_size=ROWS_PER_GROUP)
        self._rows_in_part += rows.num_rows

    def _open_part(self) -> None:
        if self._part is not None:
            self._part.close()
        path = self._draft / f"part-{self._parts:05d}.parquet"
        self._part = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._parts += 1
        self._rows_in_part = 0

    def __enter__(self) -> TableWriter:
        with ExitStack() as stack:
            self._draft = stack.enter_context(atomic_folder(self._folder))
            stack.push(self._close_part)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _close_part(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the last part; of a table that failed, as far as the disk lets it."""
        try:
            if kind is None:
                if self._part is None:
                    self._open_part()
                assert self._part is not None
                self._part.close()
        finally:
            if self._part is not None and self._part.is_open:
                # The disk that failed the write fails the footer too; the error that is on its
                # way already says so.
                with suppress(OSError):
                    self._part.close()


def of_schema(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows as a schema has them; in one with turns, columns of simple rows are null."""
    if has_turns(schema) and not has_turns(rows.schema):
        for column in schema:
            if column.name not in rows.column_names and column.nullable:
                rows = rows.append_column(column, pa.nulls(rows.num_rows, column.type))
    return rows.select(schema.names).cast(schema)


def write_table(folder: Path, table: pa.Table, schema: pa.Schema) -> None:
    """Write one in-memory table as a folder of parts; see `TableWriter` for the errors."""
    with TableWriter(folder, schema) as writer:
        writer.write(table)


def iter_batches(
    folder: Path,
    *,
    columns: list[str] | None = None,
    rows: int = ROWS_PER_GROUP,
    where: npt.NDArray[np.bool_] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table folder, batch by batch, in file order; `where` (rows,) says which:
    row groups without one are not read.

    Raises `TableError` if the folder is missing or holds an unreadable part.
    """
    start = 0
    for part in parts_of(folder):
        try:
            file = open_parquet(part)
            if where is None:
                yield from file.iter_batches(rows, columns=columns)
                continue
            for group in range(file.num_row_groups):
                end = start + file.metadata.row_group(group).num_rows
                if where[start:end].any():
                    at = start
                    for batch in file.iter_batches(rows, row_groups=[group], columns=columns):
                        at += batch.num_rows
                        yield batch.filter(pa.array(where[at - batch.num_rows : at]))
                start = end
        except pa.ArrowException as error:
            raise unreadable(part, error) from error


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a file whose batches are read one after the other.

    Arrow would keep the bytes of all that it has read until the last batch: the whole file.
    """
    return pq.ParquetFile(path, pre_buffer=False)


def regroup(rows: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield the same rows in tables of one chunk with `ROWS_PER_GROUP` rows, but for the last.

    So a table has the same row groups, and bytes, however its rows came.
    """
    waiting, count = list[pa.Table](), 0
    for batch in rows:
        waiting.append(pa.Table.from_batches([batch]))
        count += batch.num_rows
        while count >= ROWS_PER_GROUP:
            whole = pa.concat_tables(waiting)
            yield whole.slice(0, ROWS_PER_GROUP).combine_chunks()
            waiting, count = [whole.slice(ROWS_PER_GROUP)], count - ROWS_PER_GROUP
    if count:
        yield pa.concat_tables(waiting).combine_chunks()


def read_table(folder: Path, *, columns: list[str] | None = None) -> pa.Table:
    """Return a whole table, in file order.

    Raises `TableError` if the folder is missing or holds an unreadable part.
    """
    parts = parts_of(folder)
    try:
        # Part by part, not as a `pyarrow.dataset`, whose import costs every stage a second.
        return pa.concat_tables([pq.ParquetFile(part).read(columns=columns) for part in parts])
    except (pa.ArrowException, OSError) as error:
        raise unreadable(folder, error) from error


def rows_by_id(folder: Path, key: str) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by the id in column `key`. Raises `TableError` as `read_table`
    does."""
    return {row[key]: row for row in read_table(folder).to_pylist()}


def part_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each part of a table by its name, in their order.

    Raises `TableError` if the folder is missing.
    """
    return {part.name: sha256_of(part) for part in parts_of(folder)}


def parts_of(folder: Path) -> list[Path]:
    """Return the files of a table, in their order; of one that is a single file, that. Raises
    `TableError` if there are none."""
    parts = [folder] if folder.is_file() else sorted(folder.glob("part-*.parquet"))
    if not parts:
        stage = _WRITERS.get(folder.name)
        raise TableError(
            f"there is no table at {folder}",
            f"run the stage that writes it: `dvc repro{f' {stage}' if stage else ''}`, or "
            "`dvc pull` for a version made elsewhere",
        )
    return parts


def unreadable(path: Path, error: Exception) -> TableError:
    """Return the error for a file that is no Parquet, or not whole."""
    return TableError(
        f"{path} cannot be read as Parquet: {error}",
        "remove it and run `dvc checkout`, or `dvc repro` to make it again",
    )


class StoredTable:
    """A table folder, or file, of which a column is read when it is asked for, and not kept.

    Raises `TableError` if the folder is missing, or holds a part that cannot be read or is of
    another schema than the first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.parts = parts_of(folder)
        self.num_rows = 0
        self.schema = pa.schema([])
        for place, part in enumerate(self.parts):
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
        """Return a column, read anew. Raises `KeyError` if there is none, `TableError` as above."""
        self.schema.field(column)
        return read_table(self._folder, columns=[column])[column]

    def batches(
        self, columns: Sequence[str], rows: int = ROWS_PER_GROUP
    ) -> Iterator[pa.RecordBatch]:
        """Return some columns, batch by batch, in file order. Raises `TableError` as above."""
        return iter_batches(self._folder, columns=list(columns), rows=rows)
