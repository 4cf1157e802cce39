"""One journal: appended to by the process that made it, read by all."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from prefline.llm.replies import framing, legacy
from prefline.llm.replies.folder import sync_folder
from prefline.llm.replies.record import Entry, Record, Scanned

DRAFT = ".new"
_CHUNK = 4 << 20

# macOS has no fdatasync.
_sync = os.fdatasync if hasattr(os, "fdatasync") else os.fsync

log = logging.getLogger(__name__)


class Format(Protocol):
    """How records lie in a journal: a module's functions."""

    def scan(self, data: bytes, *, last: bool) -> Scanned:
        """The whole records in some bytes."""

    def key_at(self, descriptor: int, offset: int) -> bytes | None:
        """The key of one record."""

    def record_at(self, descriptor: int, offset: int) -> tuple[bytes, Record] | None:
        """One record with its key."""


class Journal:
    """The journal that this process appends to. Its lock, held until it is closed or the
    process is gone, tells others that it may still grow."""

    def __init__(self, folder: Path) -> None:
        stem = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(2)}"
        self.name = stem + framing.SUFFIX
        self._end = 0
        draft = folder / (stem + DRAFT)
        self._descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        try:
            # It gets its name once it is locked: no one ever finds it unlocked and growing.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            draft.rename(folder / self.name)
            sync_folder(folder)
        except OSError:
            self.close()
            raise

    def append(self, data: bytes) -> int:
        """Write to the end and flush to the disk; returns where the data begin.

        After an error nothing may follow: the journal may end in half a record.
        """
        view, begin = memoryview(data), self._end
        while view:
            view = view[os.write(self._descriptor, view) :]
        _sync(self._descriptor)
        self._end += len(data)
        return begin

    def close(self) -> None:
        """Close it for good."""
        os.close(self._descriptor)


class Part(NamedTuple):
    """Some bytes of a journal with the whole records in them, and where the bytes begin."""

    begin: int
    data: bytes
    entries: list[Entry]


class Reader:
    """Reads a journal from where it was read last, and tells of damage, once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.format: Format = legacy if name.endswith(legacy.SUFFIX) else framing
        self.read_to = 0

    def news(self, descriptor: int, *, finished: bool) -> Iterator[Part]:
        """What was added; where the journal is not finished, a record that is still being
        written is left for the next time."""
        size, room = os.fstat(descriptor).st_size, _CHUNK
        while self.read_to < size:
            data = os.pread(descriptor, min(room, size - self.read_to), self.read_to)
            at_end = self.read_to + len(data) >= size
            found = self.format.scan(data, last=finished and at_end)
            self._tell(found)
            yield Part(self.read_to, data, found.entries)
            self.read_to += found.end
            if at_end:
                break
            room = _CHUNK if found.end else 2 * room
        if finished and self.read_to < size:
            log.warning(
                "%s ends in a torn record at byte %d, which is left out", self.name, self.read_to
            )
            self.read_to = size

    def _tell(self, found: Scanned) -> None:
        for offset in found.damaged:
            log.warning("%s is damaged at byte %d: what it holds there is left out",
                        self.name, self.read_to + offset)  # fmt: skip
