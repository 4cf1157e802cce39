"""Rows on disk: put down as they come, read by place once every shelf is settled, so that few of
them are in memory at once."""

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
from tasks.sample.drawing.tickets import Places

SHELVES = 256  # by the first two hex digits of an id


class Pool:
    """A folder of rows as lines of JSON, on shelves by their ids. A row's place is its number in
    the order of ids, once each shelf is settled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._counts = np.zeros(SHELVES, np.int64)
        folder.mkdir(parents=True)

    def __len__(self) -> int:
        return int(self._counts.sum())

    def put(self, shelved: Mapping[int, bytes]) -> None:
        """Add lines to shelves. Raises `DiskFull`."""
        with disk_errors(self.folder):
            for number, lines in shelved.items():
                with self._shelf(number).open("ab") as file:
                    file.write(lines)

    def shelves(self) -> Iterator[tuple[int, bytes]]:
        """Every shelf that has lines, and these."""
        for number in range(SHELVES):
            if self._shelf(number).exists():
                yield number, self._shelf(number).read_bytes()

    def settle(self, number: int, lines: bytes, count: int) -> None:
        """Put a shelf's `count` lines in their order. Raises `DiskFull`."""
        with disk_errors(self.folder):
            self._shelf(number).write_bytes(lines)
        self._counts[number] = count

    def rows(self, places: Places | None = None) -> Iterator[dict[str, Any]]:
        """The rows at some places, which rise, or all of them."""
        ends = np.cumsum(self._counts)
        for number in np.flatnonzero(self._counts).tolist():
            begin, end = ends[number] - self._counts[number], ends[number]
            lines = None
            inside = range(end - begin) if places is None else _inside(places, begin, end)
            for place in inside:
                lines = lines or self._shelf(number).read_bytes().split(b"\n")
                yield orjson.loads(lines[place])

    def keep_beside(self, number: int, columns: npt.NDArray[np.uint64]) -> Path:
        """A file with what was made of a shelf. Raises `DiskFull`."""
        path = self.folder / f"{number:02x}.npy"
        with disk_errors(path):
            np.save(path, columns)
        return path

    def _shelf(self, number: int) -> Path:
        return self.folder / f"{number:02x}.jsonl"


def shelved(lines: Iterable[tuple[str, bytes]]) -> dict[int, bytes]:
    """Lines, each with the id of its row, by shelf."""
    found = defaultdict[int, bytearray](bytearray)
    for identity, line in lines:
        found[int(identity[:2], 16)] += line + b"\n"
    return {number: bytes(some) for number, some in found.items()}


def settled(lines: bytes, key: str) -> dict[str, bytes]:
    """The lines of a shelf by the ids in their field `key`, each id once, the first of copies."""
    rows = dict[str, bytes]()
    for line in lines.splitlines():
        rows.setdefault(orjson.loads(line)[key], line)
    return {identity: rows[identity] for identity in sorted(rows)}


def prompt_of(row: dict[str, Any]) -> Prompt:
    """A row as the prompt that it was."""
    row["messages"] = tuple(row["messages"])
    row["parent_ids"] = row["parent_ids"] and tuple(row["parent_ids"])
    return Prompt(**row)


def shelved_rejections(rejections: Iterable[Rejection]) -> dict[int, bytes]:
    """Rejections as lines by shelf."""
    return shelved((one.id, orjson.dumps(asdict(one))) for one in rejections)


def settle_rejections(pool: Pool) -> None:
    """Put a pool of rejections in order, each id once. Raises `DiskFull`."""
    for number, lines in pool.shelves():
        rows = settled(lines, "id")
        pool.settle(number, b"\n".join(rows.values()), len(rows))


@contextmanager
def new_pools(work: Path, *names: str) -> Iterator[list[Pool]]:
    """Empty pools in a folder of their own below `work`, gone afterwards, with those that killed
    runs have left there. Raises `DiskFull`."""
    mine = work / f"pool-{os.getpid()}"
    with disk_errors(work):
        for folder in work.glob("pool-[0-9]*"):
            if folder == mine or not is_alive(int(folder.name.removeprefix("pool-"))):
                shutil.rmtree(folder, ignore_errors=True)
        mine.mkdir(parents=True)
    try:
        yield [Pool(mine / name) for name in names]
    finally:
        shutil.rmtree(mine, ignore_errors=True)


def _inside(places: Places, begin: int, end: int) -> list[int]:
    low, high = np.searchsorted(places, [begin, end])
    found: list[int] = (places[low:high] - begin).tolist()
    return found
