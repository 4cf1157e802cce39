"""Journals of earlier versions: `<key> <crc32> <request>\\t<reply>\\n`. They are only read, and
turned into today's format by `prefline replies prune`."""

from __future__ import annotations

import os
import zlib

from prefline.llm.replies.record import Entry, Record, Scanned

SUFFIX = ".journal"
_KEY = 32
_HEADER = _KEY + 1 + 8 + 1  # key, space, checksum, space
_READ = 4_096


def scan(data: bytes, *, last: bool) -> Scanned:  # noqa: ARG001 - as `framing.scan`
    """The whole lines in some bytes of a journal, which begin where a line does."""
    entries: list[Entry] = []
    damaged: list[int] = []
    at = 0
    while (end := data.find(b"\n", at) + 1) > 0:
        key = _key_of(data[at:end])
        if key is None:
            damaged.append(at)
        else:
            entries.append((key, at, end - at))
        at = end
    return Scanned(entries, damaged, at)


def _key_of(line: bytes) -> bytes | None:
    """The key of a line; None if the line is damaged."""
    if line[_KEY + 1 : _HEADER - 1] != b"%08x" % zlib.crc32(line[_HEADER:-1]):
        return None
    return _key(line[:_KEY])


def _key(text: bytes) -> bytes | None:
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return None
    return key if len(key) * 2 == _KEY else None


def key_at(descriptor: int, offset: int) -> bytes | None:
    """The key of the line that begins there."""
    return _key(os.pread(descriptor, _KEY, offset))


def record_at(descriptor: int, offset: int) -> tuple[bytes, Record] | None:
    """The record of the line that begins there, with its key; None if it is damaged. When it
    was bought is not on the line: the journal's last change stands for it."""
    room = _READ
    while not (line := os.pread(descriptor, room, offset)).count(b"\n") and len(line) == room:
        room *= 4
    return parse(line[: line.find(b"\n") + 1], int(os.fstat(descriptor).st_mtime))


def parse(line: bytes, at: int) -> tuple[bytes, Record] | None:
    """The key and the record of a line, bought at that time; None if it is damaged."""
    key = _key_of(line)
    if key is None:
        return None
    request, _, reply = line[_HEADER:-1].partition(b"\t")
    return key, Record(request, reply, batch=False, at=at)
