"""All that a folder of journals holds, one record after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prefline.llm.replies import legacy
from prefline.llm.replies.folder import is_finished, journals
from prefline.llm.replies.framing import Header, frame, header_at, unframe
from prefline.llm.replies.journal import Reader
from prefline.llm.replies.record import Record

# Writers of earlier versions held no lock: their journals are at rest when they are this old.
_LEGACY_REST_S = 3_600


@dataclass(frozen=True, slots=True)
class Stored:
    """One record: its bytes in today's format, and how many it takes where it lies."""

    framed: bytes
    size: int

    @property
    def header(self) -> Header:
        """Its header."""
        header = header_at(self.framed)
        assert header is not None
        return header

    @property
    def record(self) -> Record | None:
        """The request and the reply; None if this version of the code cannot unpack them."""
        found = unframe(self.framed)
        return None if found is None else found[1]


def names_of(folder: Path) -> tuple[list[str], list[str]]:
    """The journals that are finished, and those that may still grow."""
    finished: list[str] = []
    growing: list[str] = []
    for name in journals(folder) if folder.is_dir() else []:
        descriptor = os.open(folder / name, os.O_RDONLY)
        try:
            done = is_finished(name, descriptor) and _at_rest(name, descriptor)
        finally:
            os.close(descriptor)
        (finished if done else growing).append(name)
    return finished, growing


def _at_rest(name: str, descriptor: int) -> bool:
    age_s = time.time() - os.fstat(descriptor).st_mtime
    return not name.endswith(legacy.SUFFIX) or age_s > _LEGACY_REST_S


def walk(folder: Path, names: list[str]) -> Iterator[Stored]:
    """The records of these journals, each key once. Raises `FileNotFoundError` if one of
    them was removed meanwhile."""
    seen: set[bytes] = set()
    for name in names:
        descriptor = os.open(folder / name, os.O_RDONLY)
        try:
            changed = int(os.fstat(descriptor).st_mtime)
            for part in Reader(name).news(descriptor, finished=is_finished(name, descriptor)):
                for key, offset, size in part.entries:
                    if key not in seen:
                        seen.add(key)
                        found = part.data[offset : offset + size]
                        yield Stored(_framed(name, found, changed), size)
        finally:
            os.close(descriptor)


def _framed(name: str, found: bytes, changed: int) -> bytes:
    """A record in today's format."""
    if not name.endswith(legacy.SUFFIX):
        return found
    parsed = legacy.parse(found, changed)
    assert parsed is not None
    return frame(*parsed)
