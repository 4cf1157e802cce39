"""The Parquet files of one format: cut by size, sorted, with what readers skip by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.atomic import disk_errors
from prefline.releases import DraftFile
from prefline.tables import PREFERENCES
from prefline.tables.parts import open_parquet
from prefline.tables.schemas import has_turns, with_turns
from tasks.publish.formats import publish_formats
from tasks.publish.sorting import Order, Sorter, row_bytes
from tasks.publish.thinking import Reasoning, with_thinking
from tasks.publish.turns import are_with_tools, as_json, as_plain, unreadable, with_tools

FILE_BYTES = 128 << 20
GROUP_BYTES = 64 << 20
GROUP_ROWS = 50_000
SORTED_BY = ("source", "category", "pair_id")
RANGES = ("source", "category", "p_chosen")
"""The columns whose smallest and largest value the manifest gives for each file."""


WRITER = 1
"""Rises when the same rows come to give other bytes, so that a recipe tells them apart."""
_BATCH_BYTES = 32 << 20
_BATCH_ROWS = 8_192  # of 50,000 characters in four bytes each are still below 2 GiB


class Files:
    """Writes the rows of one format, which come in the order of their splits.

    A file ends with the row group that takes it to `file_bytes`, so the same rows give the
    same files, however they are cut into tables as they come. Used as a context manager.
    """

    def __init__(
        self, name: str, schema: pa.Schema, folder: Path, *, file_bytes: int = FILE_BYTES
    ) -> None:
        self.written: list[DraftFile] = []
        self._name, self._schema = name, schema
        self._folder = folder / name
        self._file_bytes = file_bytes
        self._held: list[pa.Table] = []
        self._file: _File | None = None
        self._split: str | None = None

    def write(self, rows: pa.Table) -> None:
        """Append rows of the schema, whose splits come one after another."""
        with disk_errors(self._folder):
            for split, part in _by_split(rows.cast(self._schema)):
                if split != self._split:
                    self._end_split()
                    self._split = split
                self._hold(part)

    def __enter__(self) -> Files:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            with disk_errors(self._folder):
                self._end_split()
        elif self._file is not None:
            self._file.abandon()

    def _hold(self, rows: pa.Table) -> None:
        """Write every row group that is whole, and keep what may still grow."""
        waiting = pa.concat_tables([*self._held, rows])
        start = 0
        for end in _group_ends(row_bytes(waiting)):
            self._write_group(waiting.slice(start, end - start))
            start = end
        self._held = [waiting.slice(start)]

    def _end_split(self) -> None:
        rest = pa.concat_tables(self._held) if self._held else None
        if rest is not None and rest.num_rows:
            self._write_group(rest)
        self._held = []
        self._end_file()

    def _write_group(self, rows: pa.Table) -> None:
        assert self._split is not None
        if self._file is None:
            path = self._folder / f"{self._split}-{len(self.written):05d}.parquet"
            self._file = _File(path, self._schema)
        if self._file.write(rows) >= self._file_bytes:
            self._end_file()

    def _end_file(self) -> None:
        if self._file is not None:
            assert self._split is not None
            ranges = self._file.close()
            self.written.append(DraftFile(self._split, self._file.path, self._name, ranges))
            self._file = None


@dataclass(slots=True)
class _File:
    """One Parquet file as it is being written, with the ranges of its columns."""

    path: Path
    schema: pa.Schema
    _sink: Any = None
    _writer: Any = None
    _ranges: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        flat = [one.name for one in self.schema if not pa.types.is_nested(one.type)]
        order: Any = [(name, "ascending") for name in SORTED_BY if name in flat]
        self._sink = pa.OSFile(str(self.path), "wb")
        self._writer = pq.ParquetWriter(
            self._sink, self.schema, compression="zstd", write_page_index=True,
            # The smallest and largest of all texts of a page would skip nothing.
            write_statistics=flat,
            sorting_columns=pq.SortingColumn.from_ordering(self.schema, order),
        )  # fmt: skip

    def write(self, rows: pa.Table) -> int:
        """Append a row group; the size of the file so far, in bytes."""
        # As one chunk: where pages end depends on where chunks do.
        self._writer.write_table(rows.combine_chunks(), row_group_size=rows.num_rows)
        for name in RANGES:
            if name in rows.column_names:
                low, high = (limit(rows[name]).as_py() for limit in (pc.min, pc.max))
                known = self._ranges.setdefault(name, [low, high])
                self._ranges[name] = [min(known[0], low), max(known[1], high)]
        return int(self._sink.tell())

    def close(self) -> Mapping[str, list[Any]]:
        """End the file; the smallest and largest value of each column of `RANGES`."""
        self._writer.close()
        self._sink.close()
        return self._ranges

    def abandon(self) -> None:
        """Let go of a file that an error has cut off."""
        self._sink.close()
        self.path.unlink(missing_ok=True)


def _by_split(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield the rows of each split, which lie beside each other."""
    names = rows["split"].combine_chunks().to_numpy(zero_copy_only=False)
    starts = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
    for start, end in pairwise(starts):
        if end > start:
            yield str(names[start]), rows.slice(start, end - start)


def _group_ends(sizes: np.ndarray[Any, np.dtype[np.int64]]) -> Iterator[int]:
    """Yield where row groups end that are whole: as many rows as fit, and at least one."""
    before, start = np.concatenate([[0], np.cumsum(sizes)]), 0
    while True:
        fits = int(np.searchsorted(before, before[start] + GROUP_BYTES, side="right")) - 1
        end = max(start + 1, min(fits, start + GROUP_ROWS))
        if end >= len(sizes):
            return
        yield end
        start = end


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a version, and what each format left out: counts by reason."""

    files: Sequence[DraftFile]
    left_out: Mapping[str, Mapping[str, int]]


def write_formats(
    parts: Sequence[Path],
    order: Order,
    formats: Sequence[str],
    folder: Path,
    reasoning: Reasoning | None = None,
    prompts: pa.Table | None = None,
) -> Written:
    """Write the preferences in `parts` in each of the formats, sorted, into `folder`; with the
    `reasoning` behind the answers, if it is given. `prompts` has prompt_id and what the formats
    want of prompts (`prompt_columns`), None where they want nothing.

    The same rows give the same bytes, whatever the parts' number and order. Memory is bounded
    but for the ids. Raises `TableError` and `DiskFull`.
    """
    declared, has_tools = publish_formats(formats), are_with_tools(parts)
    projections = {one.name: one.project(order, folder) for one in declared}
    take_tools = {one.name for one in declared if one.takes_thinking}
    if has_tools:
        declared = [with_tools(one) for one in declared]
    elif reasoning is not None:
        declared = [with_thinking(one) for one in declared]
    with ExitStack() as stack, disk_errors(folder):
        files = {
            one.name: stack.enter_context(Files(one.name, one.schema, folder)) for one in declared
        }
        start = 0
        for rows in _sorted(parts, order, folder):
            if reasoning is not None:
                rows = reasoning.add_to(rows)  # noqa: PLW2901 - the same rows
            if prompts is not None:
                rows = _with_prompts(rows, prompts)  # noqa: PLW2901 - the same rows
            plain = rows
            if has_tools:
                plain = as_plain(rows)
                rows = as_json(rows, keep_reasoning=reasoning is not None)  # noqa: PLW2901
            for name, projection in projections.items():
                seen = rows if name in take_tools else plain
                _write(files[name], projection.of(seen, start))
            start += rows.num_rows
        for name, projection in projections.items():
            for rows in projection.rest():
                _write(files[name], rows)
    left_out = {
        name: dict(projection.left_out)
        for name, projection in projections.items()
        if any(projection.left_out.values())
    }
    return Written([file for one in files.values() for file in one.written], left_out)


def _write(into: Files, rows: pa.Table | None) -> None:
    if rows is not None and rows.num_rows:
        into.write(rows)


def _with_prompts(rows: pa.Table, prompts: pa.Table) -> pa.Table:
    """Return rows with the columns of their prompts, null where a prompt is not known."""
    ids = prompts["prompt_id"].combine_chunks()
    at = pc.index_in(rows["prompt_id"].combine_chunks(), value_set=ids)
    for name in prompts.column_names:
        if name != "prompt_id":
            rows = rows.append_column(name, prompts[name].take(at))
    return rows


def _sorted(parts: Sequence[Path], order: Order, folder: Path) -> Iterator[pa.Table]:
    sorter = Sorter(order.count, folder / "buckets")
    start = 0
    for rows in _batches(parts):
        sorter.add(rows, order.rank[start : start + rows.num_rows])
        start += rows.num_rows
    yield from sorter


def _batches(parts: Sequence[Path]) -> Iterator[pa.Table]:
    """Yield the rows of all parts, some 32 MiB at a time.

    Raises `TableError` if a part cannot be read or is not of the schema.
    """
    for part in parts:
        try:
            file = open_parquet(part)
            schema = with_turns(PREFERENCES) if has_turns(file.schema_arrow) else PREFERENCES
            for number in range(file.num_row_groups):
                rows = _rows_at_once(file.metadata.row_group(number))
                for batch in file.iter_batches(rows, row_groups=[number]):
                    yield pa.Table.from_batches([batch]).select(schema.names).cast(schema)
        except (pa.ArrowException, KeyError) as error:
            raise unreadable(part, error) from error


def _rows_at_once(group: pq.RowGroupMetaData) -> int:
    mean = group.total_byte_size / max(1, group.num_rows)
    return int(min(_BATCH_ROWS, max(1, _BATCH_BYTES // max(1, mean))))
