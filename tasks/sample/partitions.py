"""Rows on disk, in partitions by id: written as they come, and read by position once every
partition is sorted, so that few rows are in memory at once."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from prefline.atomic import disk_errors, is_alive
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from tasks.sample.pool import Positions

N_PARTITIONS = 256  # by the first two hex digits of an id


class PartitionedRows:
    """A folder of rows as lines of JSON, in partitions by id. A row's position is its number in the
    order of ids, once each partition is sorted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._counts = np.zeros(N_PARTITIONS, np.int64)
        folder.mkdir(parents=True)

    def __len__(self) -> int:
        return int(self._counts.sum())

    def append(self, lines_by_partition: Mapping[int, bytes]) -> None:
        """Add lines to partitions. Raises `DiskFull`."""
        with disk_errors(self.folder):
            for number, lines in lines_by_partition.items():
                with self._path(number).open("ab") as file:
                    file.write(lines)

    def partitions(self) -> Iterator[tuple[int, bytes]]:
        """Return number and lines of every partition that has lines."""
        for number in range(N_PARTITIONS):
            if self._path(number).exists():
                yield number, self._path(number).read_bytes()

    def replace(self, number: int, lines: bytes, count: int) -> None:
        """Put a partition's `count` sorted lines in its place. Raises `DiskFull`."""
        with disk_errors(self.folder):
            self._path(number).write_bytes(lines)
        self._counts[number] = count

    def rows(self, positions: Positions | None = None) -> Iterator[dict[str, Any]]:
        """Return the rows at rising positions, or all of them."""
        ends = np.cumsum(self._counts)
        for number in np.flatnonzero(self._counts).tolist():
            start, end = ends[number] - self._counts[number], ends[number]
            lines = None
            inside = range(end - start) if positions is None else _inside(positions, start, end)
            for offset in inside:
                lines = lines or self._path(number).read_bytes().split(b"\n")
                yield orjson.loads(lines[offset])

    def save_columns(self, number: int, columns: npt.NDArray[np.uint64]) -> Path:
        """Write columns of a partition beside it, and return their file. Raises `DiskFull`."""
        path = self.folder / f"{number:02x}.npy"
        with disk_errors(path):
            np.save(path, columns)
        return path

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:02x}.jsonl"


def partition_lines(lines: Iterable[tuple[str, bytes]]) -> dict[int, bytes]:
    """Return lines, each with the id of its row, by partition."""
    partitions = defaultdict[int, bytearray](bytearray)
    for identity, line in lines:
        partitions[int(identity[:2], 16)] += line + b"\n"
    return {number: bytes(content) for number, content in partitions.items()}


def partition_rejections(rejections: Iterable[Rejection]) -> dict[int, bytes]:
    """Return rejections as lines by partition."""
    return partition_lines((row.id, orjson.dumps(asdict(row))) for row in rejections)


def sorted_lines(lines: bytes, key: str) -> dict[str, bytes]:
    """Return the lines of a partition by the ids in their field `key`, each id once, the first of
    copies."""
    rows = dict[str, bytes]()
    for line in lines.splitlines():
        rows.setdefault(orjson.loads(line)[key], line)
    return {identity: rows[identity] for identity in sorted(rows)}


def sort_rejections(rejections: PartitionedRows) -> None:
    """Sort rejections by id, each id once. Raises `DiskFull`."""
    for number, lines in rejections.partitions():
        rows = sorted_lines(lines, "id")
        rejections.replace(number, b"\n".join(rows.values()), len(rows))


def prompt_from_line(row: dict[str, Any]) -> Prompt:
    """Return the prompt that a row was written from."""
    row["messages"] = tuple(row["messages"])
    row["parent_ids"] = row["parent_ids"] and tuple(row["parent_ids"])
    return Prompt(**row)


@contextmanager
def partitioned_rows(work: Path, *names: str) -> Iterator[list[PartitionedRows]]:
    """Give empty partitioned rows of each name, in a folder of their own below `work`.

    The folder is deleted afterwards, with those that killed runs left there. Raises `DiskFull`.
    """
    own = work / f"pool-{os.getpid()}"
    with disk_errors(work):
        for folder in work.glob("pool-[0-9]*"):
            if folder == own or not is_alive(int(folder.name.removeprefix("pool-"))):
                shutil.rmtree(folder, ignore_errors=True)
        own.mkdir(parents=True)
    try:
        yield [PartitionedRows(own / name) for name in names]
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _inside(positions: Positions, start: int, end: int) -> list[int]:
    low, high = np.searchsorted(positions, [start, end])
    offsets: list[int] = (positions[low:high] - start).tolist()
    return offsets
