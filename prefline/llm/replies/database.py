"""The database of replies: its schema, connections, locks between processes, and errors.

Every change is made under `Database.writing`, which only one process holds at a time. SQLite has
a lock of its own, but waits for it by polling, without an order; and in its versions before
3.51.3 a commit that meets another connection's checkpoint can damage the file
(https://sqlite.org/wal.html#walresetbug).
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefline.errors import DiskFull, PreflineError, ReplyStoreDamaged, ReplyStoreError
from prefline.llm.replies.packing import DICTIONARIES

SCHEMA_VERSION = 1
_APPLICATION = 0x50524650  # "PRFP", as `file` shows it
BUSY_S = 60.0  # that another program may hold the file locked
_LEAST_FREE = 1 << 20
_CACHE_KIB = 16_384
_CHECKPOINT_PAGES = 4_000  # 16 MB, after which the log is written into the database
_LOG_BYTES = 64 << 20  # what a checkpoint leaves of the log at most

_COLUMNS = """
    model TEXT NOT NULL,
    kind TEXT NOT NULL,             -- chat, embedding
    created INTEGER NOT NULL,       -- Unix time in seconds
    batch INTEGER NOT NULL,         -- 1 if bought at a batch's price
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    dictionary INTEGER NOT NULL,    -- in the table dictionaries
    request_bytes INTEGER NOT NULL, -- where in the unpacked text the reply begins
    checksum INTEGER NOT NULL,
    packed BLOB NOT NULL            -- request and reply, zstd with the dictionary
"""
_SCHEMA = f"""
CREATE TABLE replies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,       -- request_key of the tables
{_COLUMNS});
CREATE TABLE unreadable (
    reason TEXT NOT NULL,
    key TEXT NOT NULL,
{_COLUMNS});
CREATE TABLE dictionaries (
    dictionary INTEGER PRIMARY KEY,
    content BLOB NOT NULL
);
"""
PACKED = "key, created, batch, dictionary, request_bytes, checksum, packed"
"""The columns of `packing.Packed`, in its order."""

RECORD = (
    "key, model, kind, created, batch, input_tokens, output_tokens, "
    "dictionary, request_bytes, checksum, packed"
)
"""All columns that a reply has, in this order."""


class Database:
    """One file of replies. Connections are opened by `connect`; `writing` and `run` are the
    locks. Links are followed, so that projects can share one file."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._directory: int | None = None

    def connect(self, *, create: bool = False) -> sqlite3.Connection | None:
        """Open the file; with `create`, make it where there is none, which needs `writing`.

        Returns None if nobody has stored anything yet. Raises `ReplyStoreError` if it is of a
        later version or cannot be opened, `ReplyStoreDamaged` if it is no database of replies.
        """
        if not create and not self.path.exists():
            return None
        with self.errors():
            uri = f"{self.path.as_uri()}?mode={'rwc' if create else 'rw'}"
            connection = sqlite3.connect(
                uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            try:
                if self._is_ready(connection, create=create):
                    return connection
            except BaseException:
                connection.close()
                raise
            connection.close()
            return None

    def _is_ready(self, connection: sqlite3.Connection, *, create: bool) -> bool:
        """Return whether there are tables; create them if told to."""
        for pragma in (
            f"cache_size = -{_CACHE_KIB}",
            "synchronous = FULL",
            f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
            f"journal_size_limit = {_LOG_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if not pragma_of(connection, "schema_version"):  # new, or its creator was killed
            if create:
                self._create(connection)
            return create
        if pragma_of(connection, "application_id") != _APPLICATION:
            raise ReplyStoreDamaged(
                f"{self.path} is a SQLite database, but not one of replies", _REPAIR
            )
        version = pragma_of(connection, "user_version")
        if version > SCHEMA_VERSION:
            raise ReplyStoreError(
                f"{self.path} was written by a later version of Prefline "
                f"(form {version}; this one reads {SCHEMA_VERSION})",
                "upgrade Prefline, or move the file away to begin an empty store",
            )
        return True

    def _create(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise ReplyStoreError(
                f"{self.path} cannot have a write-ahead log", _REMEDIES[sqlite3.SQLITE_IOERR]
            )
        with transaction(connection):
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.executemany("INSERT INTO dictionaries VALUES (?, ?)", DICTIONARIES.items())
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold what only one process holds at a time; wait for it.

        It is a lock on the folder: one on the file itself would meddle with SQLite's own.
        """
        if self._directory is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._directory = os.open(self.path.parent, os.O_RDONLY)
        fcntl.flock(self._directory, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._directory, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give up the lock for good."""
        if self._directory is not None:
            os.close(self._directory)
            self._directory = None

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn the errors of SQLite and of the file system into ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._translated(error) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._disk_full() from error
            remedy = _REMEDIES[sqlite3.SQLITE_CANTOPEN]
            raise ReplyStoreError(f"{self.path} cannot be used: {error}", remedy) from error

    def _translated(self, error: sqlite3.Error) -> PreflineError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        # Where there is no room for the file of shared memory, SQLite only says "I/O error".
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and self._is_disk_full()):
            return self._disk_full()
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return ReplyStoreDamaged(f"{self.path} is damaged: {error}", _REPAIR)
        return ReplyStoreError(
            f"{self.path} cannot be read or written: {error}",
            _REMEDIES.get(code, "run `prefline replies check`, which looks at the whole file"),
        )

    def _is_disk_full(self) -> bool:
        return shutil.disk_usage(self.path.parent).free < _LEAST_FREE

    def _disk_full(self) -> DiskFull:
        return DiskFull(
            f"no space left while storing replies in {self.path}",
            "free some space and run the same command again: what was stored is not paid for twice",
        )


_REPAIR = (
    "`prefline replies check` says what is damaged, `prefline replies check --repair` keeps what "
    "can still be read; or put a copy back, or move the file away to begin an empty store"
)
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another program holds it locked (a SQLite tool with a transaction "
    "open?): end that and run the same command again",
    sqlite3.SQLITE_READONLY: "let this user write the file and its folder",
    sqlite3.SQLITE_PERM: "let this user read and write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "let this user read and write the file and its folder",
    sqlite3.SQLITE_IOERR: "look at the disk: its health, its quota, the system's log; the store "
    "must lie on a local disk, since a network disk has no memory that processes share",
}


class RunMark:
    """Says, while it is open, that a run stores replies, and since which id.

    The file `<database>-runs` is locked, shared, by every run, and holds the highest id that
    there was when the first of them began. So whoever prunes can spare what they bought.
    """

    def __init__(self, database: Database) -> None:
        self._path = database.path.with_name(f"{database.path.name}-runs")
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)

    def begin(self, highest: int) -> None:
        """Mark this run; only under `Database.writing`."""
        if self._lock(fcntl.LOCK_EX):
            os.pwrite(self._descriptor, b"%020d" % highest, 0)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def first_spared(self) -> int | None:
        """Return the id after which replies may be of runs under way; None if there are none.
        Only under `Database.writing`."""
        if self._lock(fcntl.LOCK_EX):
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            return None
        return int(os.pread(self._descriptor, 20, 0))

    def close(self) -> None:
        """End the mark."""
        os.close(self._descriptor)

    def _lock(self, how: int) -> bool:
        try:
            fcntl.flock(self._descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all or nothing of what is done within; only under `Database.writing`."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def opened(path: Path) -> Iterator[tuple[Database, sqlite3.Connection | None]]:
    """Open a store for a job of one connection: None if nothing is stored yet."""
    database = Database(path)
    connection = database.connect()
    try:
        with database.errors():
            yield database, connection
    finally:
        if connection is not None:
            with database.writing():  # it may be the last, which writes the log into the file
                connection.close()
        database.close()


def highest_id(connection: sqlite3.Connection) -> int:
    """Return the highest id that a reply ever had; later ones are higher."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'replies'").fetchone()
    return row[0] if row else 0


def pragma_of(connection: sqlite3.Connection, name: str) -> int:
    """Return a number that SQLite keeps of a database."""
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
