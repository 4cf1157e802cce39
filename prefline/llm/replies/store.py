"""The reply store: a reply is handed out only after it is on the disk, and is then found
again by its request's key, by every process."""

from __future__ import annotations

import errno
import time
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from prefline.errors import DiskFull
from prefline.llm.replies.catalogue import Appended, Catalogue
from prefline.llm.replies.commit import GroupCommit
from prefline.llm.replies.framing import frames
from prefline.llm.replies.journal import Journal
from prefline.llm.replies.record import Record


class _Bought(NamedTuple):
    key: bytes
    request: bytes
    reply: bytes
    batch: bool


class ReplyStore:
    """Replies by key (32 hex digits). Safe with several processes on one folder; use it as a
    context manager, and from one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._catalogue = Catalogue(folder)
        self._own: Journal | None = None
        self._commit = GroupCommit(self._write, self._written)

    def __enter__(self) -> ReplyStore:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._catalogue.look()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._commit.close()
        finally:
            self._leave_journal()
            self._catalogue.close()

    def __len__(self) -> int:
        return len(self._catalogue)

    def __contains__(self, key: str) -> bool:
        return self._catalogue.holds(bytes.fromhex(key))

    def get(self, key: str) -> bytes | None:
        """The stored reply, or None if no process has stored one."""
        record = self._catalogue.find(bytes.fromhex(key))
        return None if record is None else record.reply

    def record(self, key: str) -> Record | None:
        """The stored request and reply, or None if no process has stored them."""
        return self._catalogue.find(bytes.fromhex(key))

    async def put(self, key: str, request: bytes, reply: bytes, *, batch: bool = False) -> None:
        """Store a request and its reply; returns once both are on the disk. `batch` says that
        it was bought at a batch's price.

        Raises `DiskFull` if there is no space: the reply is then not stored.
        """
        await self._commit.add(_Bought(bytes.fromhex(key), request, reply, batch))

    def _write(self, group: list[_Bought]) -> Appended:
        """Append a group to this process's journal. In the thread of the commits."""
        now = int(time.time())
        framed = frames(
            [(one.key, Record(one.request, one.reply, one.batch, now)) for one in group]
        )
        try:
            self._own = self._own or Journal(self._folder)
            begin = self._own.append(b"".join(framed))
        except OSError as error:
            self._leave_journal()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _disk_full(self._folder) from error
            raise
        *offsets, end = accumulate(map(len, framed), initial=begin)
        return Appended(self._own.name, begin, end, offsets)

    def _written(self, group: list[_Bought], what: Appended) -> None:
        self._catalogue.appended([one.key for one in group], what)

    def _leave_journal(self) -> None:
        """Close this process's journal; the next reply begins another."""
        if self._own is not None:
            self._own.close()
            self._own = None


def _disk_full(folder: Path) -> DiskFull:
    return DiskFull(
        f"no space left while storing replies in {folder}",
        "free some space and run the same command again: what was stored is not paid for twice",
    )
