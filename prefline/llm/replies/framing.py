"""A record's bytes in a journal: pure functions, and the two reads that use them.

    magic 4 | dictionary 1 | flags 1 | key 16 | Unix time 4 | length of the request 4
    | length of the payload 4 | crc32 of the payload 4 | crc32 of all before 4 | payload

Little-endian. The payload is the request and the reply, one behind the other, compressed
together. The header has a checksum of its own, so that its lengths can be trusted: behind a
damaged payload the next record is found at once, behind a damaged header by its magic.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from prefline.llm.replies import packing
from prefline.llm.replies.record import Entry, Record, Scanned

SUFFIX = ".replies"
MAGIC = b"\xabRP\x01"
_BATCH = 1  # flag: bought in a batch
_HEAD = struct.Struct("<4sBB16sIIII")
_CHECK = struct.Struct("<I")
_HEADER = struct.Struct(_HEAD.format + "I")
HEADER = _HEADER.size
_READ = 4_096  # bytes of a first look at a record: most are shorter


class Header(NamedTuple):
    """What stands before a record's payload."""

    magic: bytes
    dictionary: int
    flags: int
    key: bytes
    at: int
    request_length: int
    length: int
    checksum: int
    check: int

    @property
    def batch(self) -> bool:
        """Whether it was bought in a batch."""
        return bool(self.flags & _BATCH)


def frames(keyed: Sequence[tuple[bytes, Record]]) -> list[bytes]:
    """Records, each with its key, as they are appended to a journal."""
    payloads = packing.pack([record.request + record.reply for _, record in keyed])
    return [_frame(*one, payload) for one, payload in zip(keyed, payloads, strict=True)]


def frame(key: bytes, record: Record) -> bytes:
    """One record as it is appended to a journal."""
    return frames([(key, record)])[0]


def _frame(key: bytes, record: Record, payload: bytes) -> bytes:
    flags = _BATCH if record.batch else 0
    sizes = (len(record.request), len(payload), zlib.crc32(payload))
    head = _HEAD.pack(MAGIC, packing.VERSION, flags, key, record.at, *sizes)
    return b"".join((head, _CHECK.pack(zlib.crc32(head)), payload))


def header_at(data: bytes, offset: int = 0) -> Header | None:
    """The header that begins there; None if none does, or a damaged one."""
    if len(data) < offset + HEADER:
        return None
    header = Header._make(_HEADER.unpack_from(data, offset))
    if header.magic != MAGIC or zlib.crc32(data[offset : offset + _HEAD.size]) != header.check:
        return None
    return header


def unframe(framed: bytes) -> tuple[bytes, Record] | None:
    """The key and the record in the bytes of one whole record; None if they are damaged."""
    header = header_at(framed)
    if header is None:
        return None
    payload = framed[HEADER : HEADER + header.length]
    if zlib.crc32(payload) != header.checksum:
        return None
    both = packing.unpack(header.dictionary, payload)
    if both is None:
        return None
    cut = header.request_length
    return header.key, Record(both[:cut], both[cut:], header.batch, header.at)


def scan(data: bytes, *, last: bool) -> Scanned:
    """The whole records in some bytes of a journal, which begin where a record does or where
    an earlier scan ended; `last` says that nothing will ever follow these bytes."""
    entries: list[Entry] = []
    damaged: list[int] = []
    at, skipped_to, length = 0, -1, len(data)
    while at + HEADER <= length:
        # As `header_at`, which would take twice the time for the millions of an opening.
        magic, _, _, key, _, _, size, checksum, check = _HEADER.unpack_from(data, at)
        if magic != MAGIC or zlib.crc32(data[at : at + _HEAD.size]) != check:
            if at != skipped_to:  # one word for one stretch of damage
                damaged.append(at)
            at = skipped_to = _next_magic(data, at + 1, last=last)
            continue
        end = at + HEADER + size
        if end > length:
            break
        if zlib.crc32(data[at + HEADER : end]) == checksum:
            entries.append((key, at, end - at))
        else:
            damaged.append(at)
        at = end
    return Scanned(entries, damaged, at)


def _next_magic(data: bytes, start: int, *, last: bool) -> int:
    """Where the next record may begin."""
    found = data.find(MAGIC, start)
    if found >= 0:
        return found
    return len(data) if last else max(start, len(data) - len(MAGIC) + 1)


def key_at(descriptor: int, offset: int) -> bytes | None:
    """The key of the record that begins there; None if its header is damaged."""
    header = header_at(os.pread(descriptor, HEADER, offset))
    return None if header is None else header.key


def record_at(descriptor: int, offset: int) -> tuple[bytes, Record] | None:
    """The record that begins there, with its key; None if it is damaged."""
    data = os.pread(descriptor, _READ, offset)
    header = header_at(data)
    if header is not None and HEADER + header.length > len(data):
        data = os.pread(descriptor, HEADER + header.length, offset)
    return unframe(data)
