"""Prompts on disk: written as they are read, read in the order of their ids, so that few of them
are in memory at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson

from prefline.prompts import Prompt
from prefline.tables import disk_errors
from prefline.tables.processes import is_alive

_FILES = 256  # by the first two hex digits of an id
_BUFFER = 64 << 10  # bytes of each file while it is written


class Pool:
    """A folder of prompts, each id once. Made by `gather`; every iteration gives them by id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def gather(self, prompts: Iterator[Prompt]) -> None:
        """Take all of `prompts`; of copies the first. Raises `DiskFull`, and what reading them
        raises."""
        with disk_errors(self._folder), ExitStack() as opened:
            files = [
                opened.enter_context(self._file(number).open("wb", _BUFFER))
                for number in range(_FILES)
            ]
            for prompt in prompts:
                files[int(prompt.prompt_id[:2], 16)].write(orjson.dumps(prompt) + b"\n")
        with disk_errors(self._folder):
            for number in range(_FILES):
                self._settle(self._file(number))

    def _settle(self, path: Path) -> None:
        """Put a file in order, each id once."""
        rows = dict[str, bytes]()
        with path.open("rb") as lines:
            for line in lines:
                rows.setdefault(orjson.loads(line)["prompt_id"], line)
        path.write_bytes(b"".join(rows[identity] for identity in sorted(rows)))

    def __iter__(self) -> Iterator[Prompt]:
        for number in range(_FILES):
            with self._file(number).open("rb") as lines:
                for line in lines:
                    yield _prompt(orjson.loads(line))

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:02x}.jsonl"


@contextmanager
def new_pool(work: Path) -> Iterator[Pool]:
    """An empty pool in a folder of its own below `work`, gone afterwards, with those that killed
    runs have left there. Raises `DiskFull`."""
    mine = work / f"pool-{os.getpid()}"
    with disk_errors(work):
        for folder in work.glob("pool-[0-9]*"):
            if folder == mine or not is_alive(int(folder.name.removeprefix("pool-"))):
                shutil.rmtree(folder, ignore_errors=True)
        mine.mkdir(parents=True)
    try:
        yield Pool(mine)
    finally:
        shutil.rmtree(mine, ignore_errors=True)


def _prompt(row: dict[str, Any]) -> Prompt:
    row["messages"] = tuple(row["messages"])
    row["parent_ids"] = row["parent_ids"] and tuple(row["parent_ids"])
    return Prompt(**row)
