"""The reply store: every reply that was paid for, found again by its request's key.

A folder of journals. Each process appends to a journal of its own, so no two writers
ever share a file, and reads the others'. A line is
`<key> <crc32> <request>\\t<reply>\\n`: the request's JSON body and the endpoint's JSON answer,
so that a row can be traced to both. A reply is handed out only after its line is flushed to
the disk; replies that arrive together share one flush. A line that a crash
tore has no newline or a wrong checksum: it is left out, with a word.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
import zlib
from pathlib import Path
from types import TracebackType

import orjson

from prefline.errors import DiskFull

_KEY = 32
_HEADER = _KEY + 1 + 8 + 1  # key, space, checksum, space
_REFRESH_S = 1.0
_OFFSET_BITS = 44  # a journal of up to 16 TiB

log = logging.getLogger(__name__)


class ReplyStore:
    """Replies by key. Safe with several processes on one folder; use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journals: list[Path] = []
        self._read_to: list[int] = []
        self._index: dict[bytes, int] = {}  # key -> journal number and offset, packed
        self._refreshed = 0.0
        self._own: int | None = None
        self._pending: list[tuple[bytes, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None

    def __enter__(self) -> ReplyStore:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._refresh()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._own is not None:
            os.close(self._own)
            self._own = None

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, key: str) -> bool:
        return bytes.fromhex(key) in self._index

    def get(self, key: str) -> bytes | None:
        """The stored reply, or None. Looks at what other processes wrote once a second."""
        record = self.record(key)
        return None if record is None else record[1]

    def record(self, key: str) -> tuple[bytes, bytes] | None:
        """The stored request and reply, both as JSON, or None."""
        place = self._index.get(bytes.fromhex(key))
        if place is None and time.monotonic() - self._refreshed > _REFRESH_S:
            self._refresh()
            place = self._index.get(bytes.fromhex(key))
        return None if place is None else self._read(place)

    async def put(self, key: str, request: bytes, reply: bytes, *, batch: bool = False) -> None:  # noqa: ARG002
        """Store a request and its reply; returns once both are on the disk.

        Raises `DiskFull` if there is no space: the reply is then not stored.
        """
        line = _line(key, _one_line(request) + b"\t" + _one_line(reply))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((line, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        """Write what is pending, flush, tell the waiters; go on while more has come."""
        while self._pending:
            group, self._pending = self._pending, []
            try:
                await asyncio.to_thread(self._append, b"".join(line for line, _ in group))
            except OSError as error:
                for _, done in group:
                    done.set_exception(_storage_error(self._folder, error))
                continue
            self._refresh()
            for _, done in group:
                if not done.done():
                    done.set_result(None)

    def _append(self, lines: bytes) -> None:
        if self._own is None:
            name = f"{time.time_ns():020d}-{os.getpid()}.journal"
            self._own = os.open(self._folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        view = memoryview(lines)
        try:
            while view:
                view = view[os.write(self._own, view) :]
            os.fdatasync(self._own)
        except OSError:
            # The journal may end in half a line: nothing may follow it.
            os.close(self._own)
            self._own = None
            raise

    def _refresh(self) -> None:
        """Index the lines that were added to any journal since the last look: what this
        process wrote just now, and what others did."""
        for path in sorted(self._folder.glob("*.journal")):
            if path not in self._journals:
                self._journals.append(path)
                self._read_to.append(0)
        for number, path in enumerate(self._journals):
            if path.stat().st_size > self._read_to[number]:
                self._read_to[number] = self._scan(number, path)
        self._refreshed = time.monotonic()

    def _scan(self, number: int, path: Path) -> int:
        """Index one journal from where it was last read; returns where its whole lines end."""
        offset = self._read_to[number]
        with path.open("rb") as journal:
            journal.seek(offset)
            for line in journal:
                if not line.endswith(b"\n"):
                    log.warning("%s ends in a torn line, which is left out", path.name)
                    break
                if _is_whole(line):
                    key = bytes.fromhex(line[:_KEY].decode("ascii"))
                    self._index.setdefault(key, number << _OFFSET_BITS | offset)
                else:
                    log.warning("%s has a damaged line at byte %d, left out", path.name, offset)
                offset += len(line)
        return offset

    def _read(self, place: int) -> tuple[bytes, bytes]:
        path = self._journals[place >> _OFFSET_BITS]
        with path.open("rb") as journal:
            journal.seek(place & ((1 << _OFFSET_BITS) - 1))
            request, _, reply = journal.readline()[_HEADER:-1].partition(b"\t")
        return request, reply


def _line(key: str, record: bytes) -> bytes:
    return b"%s %08x %s\n" % (key.encode("ascii"), zlib.crc32(record), record)


def _one_line(json: bytes) -> bytes:
    """JSON without the line breaks and tabs that a vendor may put between its tokens; those
    inside strings are escaped anyway."""
    return orjson.dumps(orjson.loads(json)) if b"\n" in json or b"\t" in json else json


def _is_whole(line: bytes) -> bool:
    checksum = line[_KEY + 1 : _HEADER - 1]
    return checksum == b"%08x" % zlib.crc32(line[_HEADER:-1])


def _storage_error(folder: Path, error: OSError) -> Exception:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    return DiskFull(
        f"no space left while storing replies in {folder}",
        "free some space and run the same command again: what was stored is not paid for twice",
    )
