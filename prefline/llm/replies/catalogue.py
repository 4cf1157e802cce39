"""Where each record lies, kept up to date with what other processes write."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from prefline.llm.replies.folder import Descriptors, is_finished, journals
from prefline.llm.replies.index import Index, fingerprint
from prefline.llm.replies.journal import Reader
from prefline.llm.replies.record import Record

_OFFSET_BITS = 44  # a journal of up to 16 TiB
_OFFSET = (1 << _OFFSET_BITS) - 1
_PROBE_S = 1.0  # how often it is asked whether a journal's writer is gone
_MOST_OPEN = 256  # journals at once
_TICK_NS = 1_000_000_000  # a folder's time of change may be as coarse as that

log = logging.getLogger(__name__)


class Appended(NamedTuple):
    """What was written to a journal at once: its bytes, and where each record begins."""

    journal: str
    begin: int
    end: int
    offsets: list[int]


class Catalogue:
    """Finds records by key in the journals of a folder.

    A key that is not known is looked for once more in what was added meanwhile: by a journal
    that is new, or by one whose writer is alive. Finished journals are read once. Where a
    journal was removed (pruned), all is read anew.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = Descriptors(folder, _MOST_OPEN)
        self._forget()

    def __len__(self) -> int:
        return len(self._index)

    def holds(self, key: bytes) -> bool:
        """Whether there is a record of that key."""
        if self._holds(key):
            return True
        self.look()
        return self._holds(key)

    def find(self, key: bytes) -> Record | None:
        """The record of that key."""
        found = self._find(key)
        if found is None:
            self.look()
            found = self._find(key)
        return found

    def look(self) -> None:
        """Read what was added to the folder since the last look."""
        while True:
            try:
                return self._look()
            except FileNotFoundError:  # pruned between its listing and its reading
                if not self._folder.is_dir():
                    raise
                self._forget()

    def appended(self, keys: Iterable[bytes], what: Appended) -> None:
        """Take note of what this process wrote to its journal."""
        reader = self._readers.get(what.journal) or self._meet(what.journal)
        if reader.read_to == what.begin:
            for key, offset in zip(keys, what.offsets, strict=True):
                self._note(key, self._numbers[reader.name] | offset)
            reader.read_to = what.end
        else:  # a look came between, or all was forgotten
            self._take(reader, finished=False)

    def close(self) -> None:
        """Close the journals."""
        self._files.close()

    def _forget(self) -> None:
        self._files.close()
        self._index = Index()
        self._names: list[str] = [""]
        self._numbers: dict[str, int] = {}  # a journal's number, where places have it
        self._readers: dict[str, Reader] = {}
        self._growing: dict[str, Reader] = {}
        self._damaged: set[int] = set()
        self._listed = -1
        self._probed = float("-inf")

    def _look(self) -> None:
        changed = os.stat(self._folder).st_mtime_ns  # noqa: PTH116 - half the time of Path's
        if changed != self._listed:
            self._list()
            # What changes within the same tick would not be seen by its time.
            self._listed = changed if time.time_ns() - changed > _TICK_NS else -1
        probing = time.monotonic() - self._probed > _PROBE_S
        for reader in list(self._growing.values()):
            descriptor = self._files[reader.name]
            finished = probing and is_finished(reader.name, descriptor)
            if finished or os.fstat(descriptor).st_size > reader.read_to:
                self._take(reader, finished=finished)
            if finished:
                del self._growing[reader.name]
        if probing:
            self._probed = time.monotonic()

    def _list(self) -> None:
        names = journals(self._folder)
        if not self._readers.keys() <= set(names):
            self._forget()
        for name in names:
            if name not in self._readers:
                self._meet(name)
                self._probed = float("-inf")

    def _meet(self, name: str) -> Reader:
        reader = self._readers[name] = self._growing[name] = Reader(name)
        self._numbers[name] = len(self._names) << _OFFSET_BITS
        self._names.append(name)
        return reader

    def _take(self, reader: Reader, *, finished: bool) -> None:
        number = self._numbers[reader.name]
        for part in reader.news(self._files[reader.name], finished=finished):
            base = number + part.begin
            for key, offset, _ in part.entries:
                self._note(key, base + offset)

    def _note(self, key: bytes, place: int) -> None:
        short = fingerprint(key)
        others = self._index.claim(short, place)
        if others and not any(self._key_at(other) == key for other in others):
            self._index.add(short, place)

    def _holds(self, key: bytes) -> bool:
        return any(self._key_at(place) == key for place in self._index.find(fingerprint(key)))

    def _find(self, key: bytes) -> Record | None:
        for place in self._index.find(fingerprint(key)):
            found = self._record_at(place)
            if found is not None and found[0] == key:
                return found[1]
        return None

    def _key_at(self, place: int) -> bytes | None:
        if place in self._damaged:
            return None
        name = self._names[place >> _OFFSET_BITS]
        try:
            return self._readers[name].format.key_at(self._files[name], place & _OFFSET)
        except FileNotFoundError:  # pruned: the next look finds where it is now
            return None

    def _record_at(self, place: int) -> tuple[bytes, Record] | None:
        if place in self._damaged:
            return None
        name, offset = self._names[place >> _OFFSET_BITS], place & _OFFSET
        try:
            found = self._readers[name].format.record_at(self._files[name], offset)
        except FileNotFoundError:  # pruned: the next look finds where it is now
            return None
        if found is None:
            self._damaged.add(place)
            log.warning("%s cannot be read at byte %d: taken as absent", name, offset)
        return found
