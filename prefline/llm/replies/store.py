"""The reply store: a reply is handed out only after it is on the disk, and is then found
again by its request's key, by every process."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import orjson

from prefline.llm.outcome import NO_USAGE, Usage, parse_usage
from prefline.llm.replies.claims import Claims
from prefline.llm.replies.commit import GroupCommit
from prefline.llm.replies.database import PACKED, RECORD, Database, RunMark, highest_id, transaction
from prefline.llm.replies.packing import Packed, Record, UnreadableError, pack, unpack

UNKNOWN = "unknown"
_MOST_AT_ONCE = 64  # rows of one statement
_FIND = f"SELECT {PACKED} FROM replies WHERE key = ?"  # noqa: S608 - names of columns

log = logging.getLogger(__name__)


class Facts(NamedTuple):
    """Columns of a row beside request and reply: the model, `chat` or `embedding`, and tokens."""

    model: str
    kind: str
    usage: Usage


class _Bought(NamedTuple):
    key: str
    record: Record
    facts: Facts | None


class ReplyStore:
    """Replies by key (32 hex digits), in the SQLite database `path`.

    Safe with several processes on one file. Use it as a context manager, from one thread, and
    not in a process that was forked from the one that opened it. One that is `read_only`
    cannot `put`. Every method raises `ReplyStoreError` where the file cannot be
    used, and `ReplyStoreDamaged` where it is damaged.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._database = Database(path)
        self.claims = Claims(self._database)
        self._read_only = read_only
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._mark: RunMark | None = None
        self._commit = GroupCommit(self._write)
        self._unreadable: dict[str, str] = {}
        self._absent: set[str] = set()  # looked up together, since `claims.times_alone` was
        self._absent_since = 0
        self._process = os.getpid()

    def __enter__(self) -> ReplyStore:
        self._open_reader()
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
            self._close()

    def _close(self) -> None:
        self.claims.close()
        if self._reader is not None or self._writer is not None:
            # The last connection to be closed writes the log into the database.
            with self._database.errors(), self._database.writing():
                for connection in (self._reader, self._writer):
                    if connection is not None:
                        connection.close()
        self._reader = self._writer = None
        if self._mark is not None:
            self._mark.close()
            self._mark = None
        self._database.close()

    def __len__(self) -> int:
        row = self._row("SELECT count(*) FROM replies")
        return 0 if row is None else int(row[0])

    def __contains__(self, key: str) -> bool:
        if key in self._unreadable:
            return False
        return self._row("SELECT 1 FROM replies WHERE key = ?", key) is not None

    def get(self, key: str) -> bytes | None:
        """Return the stored reply; None if no process has stored one."""
        record = self.record(key)
        return None if record is None else record.reply

    def record(self, key: str) -> Record | None:
        """Return the stored request and reply; None if no process has stored them, or if they
        cannot be read, which is logged once."""
        if key in self._absent:
            self._absent.remove(key)
            if self.claims.alone and self.claims.times_alone == self._absent_since:
                return None
        row = None if key in self._unreadable else self._row(_FIND, key)
        if row is None:
            return None
        try:
            return unpack(Packed._make(row))
        except UnreadableError as error:
            self.set_aside(key, str(error))
            return None

    def look_ahead(self, keys: Sequence[str]) -> None:
        """Look up together what will be asked for soon: one statement for each would take several
        times as long, and give up the interpreter's lock twice.

        Only where no other process can store anything meanwhile; what this one stores is noted.
        """
        if not self.claims.alone:
            return
        if self.claims.times_alone != self._absent_since:
            self._absent.clear()
            self._absent_since = self.claims.times_alone
        marks = ", ".join("?" * len(keys))
        there = self._rows(f"SELECT key FROM replies WHERE key IN ({marks})", *keys)  # noqa: S608 - marks
        self._absent.update(keys)
        self._absent.difference_update(key for (key,) in there)

    def set_aside(self, key: str, reason: str) -> None:
        """Take a stored reply that is of no use as absent, and log it.

        The next reply that is stored for its key takes its place; what was there goes to the
        table `unreadable`.
        """
        log.warning("the stored reply %s cannot be read and is bought again: %s", key, reason)
        self._unreadable[key] = reason

    async def put(
        self,
        key: str,
        request: bytes,
        reply: bytes,
        *,
        batch: bool = False,
        facts: Facts | None = None,
    ) -> None:
        """Store a request and its reply; return once both are on the disk. `batch` says that
        it was bought at a batch's price; `facts` are read from the two where they are not given.
        Of two replies for one key the first stays.

        Raises `DiskFull` if there is no space: the reply is then not stored.
        """
        if self._read_only:
            raise RuntimeError("this store was opened to read only")
        record = Record(request, reply, batch, int(time.time()))
        await self._commit.add(_Bought(key, record, facts))
        self._absent.discard(key)  # it may have been looked up before it was written

    def _row(self, query: str, *values: str) -> tuple[Any, ...] | None:
        """Return the first row of a query; None if there is none, or no database yet."""
        return next(iter(self._rows(query, *values)), None)

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none where there is no database yet."""
        if self._process != os.getpid():
            raise RuntimeError("a reply store cannot be used in a forked process: open another")
        if self._reader is None and not self._open_reader():
            return []
        assert self._reader is not None
        try:
            return self._reader.execute(query, values).fetchall()
        except sqlite3.Error:
            with self._database.errors():
                raise

    def _open_reader(self) -> bool:
        self._reader = self._database.connect()
        return self._reader is not None

    def _write(self, group: list[_Bought]) -> None:
        """Store a group; in the thread of the commits."""
        packs = pack([(bought.key, bought.record) for bought in group])
        rows = [
            _row_of(packed, bought.facts or describe(bought.record))
            for bought, packed in zip(group, packs, strict=True)
        ]
        with self._database.errors(), self._database.writing():
            if self._writer is None:
                self._begin_to_write()
            assert self._writer is not None
            aside = [bought.key for bought in group if bought.key in self._unreadable]
            with transaction(self._writer):
                for key in aside:
                    _move_aside(self._writer, key, self._unreadable[key])
                for part in _parts(rows):
                    values = [value for row in part for value in row]
                    self._writer.execute(_insertion(len(part)), values)
        for key in aside:
            del self._unreadable[key]

    def _begin_to_write(self) -> None:
        writer = self._database.connect(create=True)
        assert writer is not None
        try:
            self._mark = self._mark or RunMark(self._database)
            self._mark.begin(highest_id(writer))
        except BaseException:
            writer.close()
            raise
        self._writer = writer


def _row_of(packed: Packed, facts: Facts) -> tuple[Any, ...]:
    """Return the values of the columns `RECORD`."""
    key, created, batch, dictionary, request_bytes, checksum, body = packed
    model, kind, usage = facts
    return (
        key, model, kind, created, batch, usage.input_tokens, usage.output_tokens,
        dictionary, request_bytes, checksum, body,
    )  # fmt: skip


def describe(record: Record) -> Facts:
    """Return the model that a record's request names, its kind, and the tokens of the reply;
    "unknown" and zeros for what is not said."""
    try:
        request = orjson.loads(record.request)
        model = str(request["model"])
        kind = "chat" if "messages" in request else "embedding"
    except (orjson.JSONDecodeError, KeyError, TypeError):
        model = kind = UNKNOWN
    try:
        usage = parse_usage(orjson.loads(record.reply))
    except (AttributeError, ValueError):  # no JSON, or no object
        usage = NO_USAGE
    return Facts(model, kind, usage)


def _parts(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Cut rows into few parts of few lengths: powers of 2, each a statement that is prepared
    once. One statement a row would give up the interpreter's lock for each."""
    begin = 0
    while begin < len(rows):
        length = min(_MOST_AT_ONCE, 1 << (len(rows) - begin).bit_length() - 1)
        yield rows[begin : begin + length]
        begin += length


@cache
def _insertion(rows: int) -> str:
    row = f"({', '.join('?' * len(RECORD.split(',')))})"
    values = ", ".join([row] * rows)
    return f"INSERT INTO replies ({RECORD}) VALUES {values} ON CONFLICT DO NOTHING"  # noqa: S608 - names of columns


def _move_aside(writer: sqlite3.Connection, key: str, reason: str) -> None:
    writer.execute(
        f"INSERT INTO unreadable (reason, {RECORD}) "  # noqa: S608 - names of columns
        f"SELECT ?, {RECORD} FROM replies WHERE key = ?",
        (reason, key),
    )
    writer.execute("DELETE FROM replies WHERE key = ?", (key,))
