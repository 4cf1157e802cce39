"""The folder of journals: which there are, which of them have ended, their descriptors."""

from __future__ import annotations

import fcntl
import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefline.llm.replies import framing, legacy


@contextmanager
def locked(folder: Path, *, alone: bool) -> Iterator[None]:
    """Hold the folder's lock, which whoever removes journals holds alone: a listing under it
    never misses both a journal and the one that its records were moved to."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def journals(folder: Path) -> list[str]:
    """The names of the folder's journals, the oldest first."""
    with locked(folder, alone=False):
        names = os.listdir(folder)  # noqa: PTH208 - names are all that is wanted
    return sorted(name for name in names if name.endswith((framing.SUFFIX, legacy.SUFFIX)))


def is_finished(name: str, descriptor: int) -> bool:
    """Whether a journal will never grow: nobody holds its lock, its writer is gone. Journals
    of earlier versions had no lock and are taken as they are."""
    if name.endswith(legacy.SUFFIX):
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def sync_folder(folder: Path) -> None:
    """Make names that were added or removed durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Descriptors:
    """Journals open for reading: those used last, a bounded number of them."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._open: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def __getitem__(self, name: str) -> int:
        """The journal's descriptor. Raises `FileNotFoundError` if it was removed."""
        descriptor = self._open.get(name)
        if descriptor is None:
            descriptor = self._open[name] = os.open(self._folder / name, os.O_RDONLY)
            if len(self._open) > self._most:
                os.close(self._open.popitem(last=False)[1])
        else:
            self._open.move_to_end(name)
        return descriptor

    def close(self) -> None:
        """Close all of them."""
        while self._open:
            os.close(self._open.popitem()[1])
