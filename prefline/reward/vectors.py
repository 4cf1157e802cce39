"""Rows of numbers, as many as there are: in memory while they are few, else in a file."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from prefline.atomic import disk_errors
from prefline.stats import Floats, Ints

IN_MEMORY = 128 << 20
"""Bytes of rows that are kept in memory, and of a block of those that are not."""


class Vectors:
    """`rows` rows of `width` numbers, appended one after another and then read.

    Up to `IN_MEMORY` bytes they are an array of float64. More of them are float32 in a file of
    `folder` that has no name, so that nothing of it is left behind by whatever ends the process.
    Writing raises `DiskFull` if there is no space.
    """

    def __init__(self, rows: int, width: int, folder: Path) -> None:
        self.shape = (rows, width)
        self.rows_at_once = max(1, IN_MEMORY // (8 * max(1, width)))
        self._folder, self._appended = folder, 0
        self._array: Floats | None = None
        if rows <= self.rows_at_once:
            self._array = np.empty(self.shape)
            return
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed below
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def in_memory(self) -> bool:
        """True if the rows are one array."""
        return self._array is not None

    def append(self, rows: Floats | Sequence[Sequence[float]]) -> None:
        """Append rows, shape `(n, width)`."""
        if self._array is not None:
            self._array[self._appended : self._appended + len(rows)] = rows
        else:
            with disk_errors(self._folder):
                self._file.write(np.asarray(rows, dtype=np.float32).tobytes())
        self._appended += len(rows)

    def take(self, places: Ints) -> Floats:
        """Return the rows of some places, shape `(n, width)`."""
        if self._array is not None:
            return self._array[places]
        self._flush()
        # Mapped anew each time: what was touched before does not stay in the process.
        mapped = np.memmap(self._file, np.float32, "r", shape=self.shape)
        return mapped[places].astype(np.float64)

    def __iter__(self) -> Iterator[Floats]:
        """Yield all rows in blocks, in their order; those in memory are one block."""
        if self._array is not None:
            yield self._array
            return
        self._flush()
        rows, width = self.shape
        for start in range(0, rows, self.rows_at_once):
            count = min(self.rows_at_once, rows - start)
            self._file.seek(4 * width * start)
            block = np.frombuffer(self._file.read(4 * width * count), dtype=np.float32)
            yield block.reshape(count, width).astype(np.float64)

    def _flush(self) -> None:
        with disk_errors(self._folder):
            self._file.flush()
