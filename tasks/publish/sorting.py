"""The order of published rows, decided from the columns that it rests on alone."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from prefline.atomic import disk_errors, is_alive
from prefline.errors import TableError
from prefline.tables import StoredTable
from prefline.tables.joining import duckdb_errors, open_duckdb, quoted, rows_of_files

Numbers = npt.NDArray[np.int64]

_KEYS = ("split", "source", "category", "pair_id")


Ranks = npt.NDArray[np.int64]
BUCKET_BYTES = 64 << 20
"""The rows put in order at once, in bytes of Arrow. Far below the 2 GiB of text at which the
32-bit offsets of a column end, which would be reached by a whole table."""
Sizes = npt.NDArray[np.int64]
_FLAT = 8  # bytes of a number, and of an offset
_NAME = "publish"


@dataclass(frozen=True, slots=True)
class Order:
    """The rows of a table as they will be published: by split, source, category and pair.

    `rank[i]` is the place of the i-th row of the table; `rows` holds the columns that were
    asked for, in the published order, on the disk.
    """

    rank: Numbers
    rows: StoredTable

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.rank)


def read_order(
    parts: Sequence[Path], columns: Sequence[str], scratch: Path, memory_gb: float = 1.0
) -> Order:
    """Decide the order of a table's rows, reading no text; `columns` are kept beside the keys.

    What does not fit into `memory_gb`, and the order itself, are put into `scratch`. Raises
    `TableError` if a pair is there twice, so that no order is the right one.
    """
    wanted = ", ".join(dict.fromkeys([*_KEYS, *columns]))
    path = scratch / "order.parquet"
    with open_duckdb(scratch, memory_gb) as (connection, _), duckdb_errors():
        connection.execute(f"CREATE TEMP VIEW preferences AS {rows_of_files(parts)}")
        twice = connection.execute(
            "SELECT pair_id FROM preferences GROUP BY pair_id HAVING count(*) > 1 LIMIT 1"
        ).fetchone()
        if twice is not None:
            raise TableError(
                f"data/preferences holds the pair {twice[0]} twice",
                "make the table again with `dvc repro pair`",
            )
        connection.execute(
            f"COPY (SELECT {wanted}, row_at FROM preferences ORDER BY {', '.join(_KEYS)}) "  # noqa: S608
            f"TO {quoted(path)} (FORMAT parquet)"
        )
    rows = StoredTable(path)
    rank, start = np.empty(rows.num_rows, np.int64), 0
    for batch in rows.batches(["row_at"]):
        rank[batch["row_at"].to_numpy()] = np.arange(start, start + batch.num_rows)
        start += batch.num_rows
    return Order(rank, rows)


class Sorter:
    """Takes rows with their ranks in any order, and gives them back by rank.

    Ranks are whole numbers in [0, `end`), none twice. Rows whose ranks fall into one multiple of
    `unit` come back in one table. `scratch` holds what does not fit into `bucket_bytes`.
    """

    def __init__(
        self, end: int, scratch: Path, *, unit: int = 1, bucket_bytes: int = BUCKET_BYTES
    ) -> None:
        self._held = _Held()
        self._range = (0, end)
        self._scratch = scratch
        self._unit = unit
        self._limit = bucket_bytes
        self._buckets: list[_Bucket] = []
        self._bounds: Ranks = np.empty(0, np.int64)

    def add(self, rows: pa.Table, ranks: Ranks) -> None:
        """Take rows, of which row i has the rank `ranks[i]`."""
        self._held.add(rows, ranks)
        if self._held.bytes > self._limit:
            self._spill()

    def __iter__(self) -> Iterator[pa.Table]:
        """Yield all rows, by rank, in tables of some 64 MiB; can be done once."""
        if not self._buckets:
            yield from self._held.in_order()
            return
        self._spill()
        for bucket, (low, high) in zip(self._buckets, _pairs(self._bounds), strict=True):
            yield from self._of_bucket(bucket, low, high)

    def _of_bucket(self, bucket: _Bucket, low: int, high: int) -> Iterator[pa.Table]:
        """Yield a bucket in order; one whose rows are far larger than most is divided again."""
        bucket.close()
        if bucket.bytes <= 2 * self._limit or high - low <= self._unit:
            yield from bucket.read().in_order()
        else:
            smaller = Sorter(
                high, self._scratch / bucket.path.stem, unit=self._unit, bucket_bytes=self._limit
            )
            smaller._range = (low, high)
            for rows, ranks in bucket.batches():
                smaller.add(rows, ranks)
            yield from smaller
        bucket.path.unlink(missing_ok=True)

    def _spill(self) -> None:
        """Move what is held to the buckets."""
        if not self._buckets:
            self._bounds = self._choose_bounds()
            self._scratch.mkdir(parents=True, exist_ok=True)
            self._buckets = [
                _Bucket(self._scratch / f"{number:05d}.arrow")
                for number in range(len(self._bounds) - 1)
            ]
        for rows, ranks in self._held.sorted_batches():
            cuts = np.searchsorted(ranks, self._bounds)
            for bucket, (start, stop) in zip(self._buckets, _pairs(cuts), strict=True):
                if stop > start:
                    bucket.write(rows.slice(start, stop - start), ranks[start:stop])
        self._held = _Held()

    def _choose_bounds(self) -> Ranks:
        """Ranks that divide the range into buckets of about the limit, if all rows are as large
        as those that have come. What comes back does not depend on them."""
        low, high = self._range
        units = -(-(high - low) // self._unit)
        mean = self._held.bytes / max(1, self._held.rows) * self._unit
        count = int(np.clip(units * mean / self._limit, 2, units)) + 1
        steps = np.unique(np.linspace(0, units, count).astype(np.int64))
        return np.minimum(low + steps * self._unit, high)


@dataclass(slots=True)
class _Held:
    """Rows in memory, with their ranks."""

    batches: list[tuple[pa.Table, Ranks]] = field(default_factory=list)
    bytes: int = 0
    rows: int = 0

    def add(self, rows: pa.Table, ranks: Ranks) -> None:
        self.batches.append((rows, ranks))
        self.bytes += rows.nbytes
        self.rows += rows.num_rows

    def sorted_batches(self) -> Iterator[tuple[pa.Table, Ranks]]:
        """Yield the rows as one table, by rank, with the ranks."""
        if self.batches:
            ranks = np.concatenate([ranks for _, ranks in self.batches])
            order = np.argsort(ranks, kind="stable")
            rows = pa.concat_tables([rows for rows, _ in self.batches])
            self.batches.clear()
            yield _take(rows, order), ranks[order]

    def in_order(self) -> Iterator[pa.Table]:
        for rows, _ in self.sorted_batches():
            yield rows


def _take(rows: pa.Table, order: Ranks) -> pa.Table:
    """Return rows in another order, each column as one chunk: taking from many chunks is slow."""
    return rows.combine_chunks().take(order)


@dataclass(slots=True)
class _Bucket:
    """Rows on the disk, as an Arrow IPC stream; their ranks stay in memory, 8 bytes a row."""

    path: Path
    bytes: int = 0
    ranks: list[Ranks] = field(default_factory=list)
    _writer: ipc.RecordBatchStreamWriter | None = None

    def write(self, rows: pa.Table, ranks: Ranks) -> None:
        if self._writer is None:
            self._writer = ipc.new_stream(str(self.path), rows.schema)
        self._writer.write_table(rows)
        self.ranks.append(ranks)
        self.bytes += rows.nbytes

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def batches(self) -> Iterator[tuple[pa.Table, Ranks]]:
        if not self.ranks:
            return
        all_ranks, start = np.concatenate(self.ranks), 0
        with pa.OSFile(str(self.path), "rb") as file, ipc.open_stream(file) as stream:
            for batch in stream:
                yield pa.Table.from_batches([batch]), all_ranks[start : start + batch.num_rows]
                start += batch.num_rows

    def read(self) -> _Held:
        held = _Held()
        for rows, ranks in self.batches():
            held.add(rows, ranks)
        return held


def _pairs(bounds: Sequence[int] | Ranks) -> list[tuple[int, int]]:
    return list(pairwise(map(int, bounds)))


def row_bytes(table: pa.Table) -> Sizes:
    """Return bytes of each row, uncompressed: its texts in UTF-8, and 8 for each number, text and
    list."""
    total = np.zeros(table.num_rows, np.int64)
    for column in table.columns:
        sizes = [_sizes(chunk) for chunk in column.chunks]
        total += np.concatenate(sizes) if sizes else 0
    return total


def _sizes(values: Any) -> Sizes:
    if isinstance(values, pa.ExtensionArray):
        return _sizes(values.storage)
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _numbers(pc.binary_length(values)) + _FLAT
    if pa.types.is_list(kind):
        return _of_lists(values)
    if pa.types.is_struct(kind):
        return sum((_sizes(one) for one in values.flatten()), np.zeros(len(values), np.int64))
    return np.full(len(values), _FLAT, np.int64)


def _of_lists(values: Any) -> Sizes:
    inner = np.concatenate([[0], np.cumsum(_sizes(values.flatten()))])
    lengths = _numbers(pc.list_value_length(values))
    ends = np.cumsum(lengths)
    sizes: Sizes = inner[ends] - inner[ends - lengths] + _FLAT
    return sizes


def _numbers(lengths: Any) -> Sizes:
    """Lengths as numbers; that of null is 0."""
    found: Sizes = pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


@contextmanager
def scratch_in(work: Path) -> Iterator[Path]:
    """Give a new folder in `work`, gone afterwards, with those that killed publishers have left
    there.

    Raises `DiskFull`.
    """
    with disk_errors(work):
        work.mkdir(parents=True, exist_ok=True)
        for folder in work.glob(f"{_NAME}-[0-9]*-*"):
            if not is_alive(int(folder.name.split("-")[1])):
                shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=work, prefix=f"{_NAME}-{os.getpid()}-") as mine:
            yield Path(mine)
