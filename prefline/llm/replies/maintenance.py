"""The work of `prefline replies`: summarize, prune, check and repair the store.

Each goes through the replies in steps, by id, so that a million takes no more memory than a
thousand and a run that stores meanwhile waits for one step at most.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefline.atomic import sync_folder
from prefline.errors import ReplyStoreDamaged, ReplyStoreError
from prefline.llm.replies.database import (
    PACKED,
    RECORD,
    Database,
    RunMark,
    highest_id,
    opened,
    pragma_of,
    transaction,
)
from prefline.llm.replies.packing import Packed, UnreadableError, unpack
from prefline.project import Project
from prefline.tables import read_table
from prefline.tables.calls import distinct_keys

_STEP = 2_000  # replies
_FREED_AT_ONCE = 2_000  # pages
_TABLES = ("prompts", "responses", "judgments", "rejections")


@dataclass(slots=True)
class ModelShare:
    """The size of one model's replies; `bytes` is their packed size."""

    replies: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Summary:
    """The size of some replies. `oldest` and `newest` are Unix times in seconds; None if
    there are no replies."""

    replies: int = 0
    oldest: int | None = None
    newest: int | None = None
    models: dict[str, ModelShare] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """The packed size of the replies."""
        return sum(share.bytes for share in self.models.values())

    def _add(self, row: tuple[Any, ...]) -> None:
        model, replies, input_tokens, output_tokens, size, oldest, newest = row
        share = self.models.setdefault(model, ModelShare())
        share.replies += replies
        share.input_tokens += input_tokens
        share.output_tokens += output_tokens
        share.bytes += size
        self.replies += replies
        self.oldest = oldest if self.oldest is None else min(self.oldest, oldest)
        self.newest = newest if self.newest is None else max(self.newest, newest)


def summarize(path: Path) -> Summary:
    """Return what the store holds."""
    summary = Summary()
    with opened(path) as (_, connection):
        if connection is not None:
            for window in _windows(connection):
                _count(connection, summary, window, "1")
    return summary


def bytes_on_disk(path: Path) -> int:
    """Return what the database and its log take."""
    files = [path.with_name(path.name + suffix) for suffix in ("", "-wal")]
    return sum(file.stat().st_size for file in files if file.exists())


@dataclass(frozen=True, slots=True)
class Filters:
    """The replies to remove: those for which every filter holds. Without a filter: none.

    `before` is a Unix time in seconds, `used` the keys that are not to go.
    """

    before: float | None = None
    model: str | None = None
    used: frozenset[str] | None = None


@dataclass(slots=True)
class Pruned:
    """The replies removed, the number kept, and how many of these the filters name but a run
    that is under way may have bought."""

    gone: Summary
    kept: int
    spared: int


def prune(path: Path, filters: Filters, *, dry_run: bool = False) -> Pruned:
    """Remove the replies that the filters name, and give their room back to the disk.

    With `dry_run`, only say what would go. What was stored since the oldest of the runs under
    way began to store is left alone. Raises `DiskFull` if there is no room for the log of the
    changes; what was removed until then stays removed.
    """
    pruned = Pruned(Summary(), 0, 0)
    with opened(path) as (database, connection):
        if connection is None:
            return pruned
        last = _last_to_prune(database, connection)
        where, values = _condition(connection, filters)
        for window in _windows(connection, last):
            if dry_run:
                _count(connection, pruned.gone, window, where, values)
                continue
            with database.writing(), transaction(connection):
                if _count(connection, pruned.gone, window, where, values):
                    connection.execute(
                        f"DELETE FROM replies WHERE id BETWEEN ? AND ? AND {where}",  # noqa: S608
                        (*window, *values),
                    )
        spared = f"SELECT count(*) FROM replies WHERE id > ? AND {where}"  # noqa: S608
        pruned.spared = connection.execute(spared, (last, *values)).fetchone()[0]
        pruned.kept = connection.execute("SELECT count(*) FROM replies").fetchone()[0]
        if dry_run:
            pruned.kept -= pruned.gone.replies
        else:
            _give_room_back(database, connection)
    return pruned


def used_keys(project: Project) -> frozenset[str]:
    """Return the keys in `request_key` of the prompts that a model made, the responses, the
    judgments, and what was rejected though it was paid for.

    Raises `TableError` where one of the four is not there, as while its stage runs: what it
    will name cannot be told.
    """
    keys: set[str] = set()
    for name in _TABLES:
        table = read_table(project.table(name), columns=["request_key"])
        if "request_key" in table.column_names:  # not in prompts of a run before models made some
            keys.update(distinct_keys(table))
    return frozenset(keys)


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check: `damage` as SQLite words it, and the keys of replies that cannot be
    read, each with the reason; `aside` counts the replies that were taken out of use before."""

    replies: int
    damage: list[str]
    unreadable: dict[str, str]
    aside: int

    @property
    def ok(self) -> bool:
        """True if nothing is wrong."""
        return not self.damage and not self.unreadable


def check(path: Path) -> Checked:
    """Check the file's structure and indexes, and unpack every reply.

    Raises `ReplyStoreDamaged` if it cannot even be opened.
    """
    damage: list[str] = []
    unreadable: dict[str, str] = {}
    with opened(path) as (_, connection):
        if connection is None:
            return Checked(0, [], {}, 0)
        replies = aside = 0
        try:
            damage = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            damage = [] if damage == ["ok"] else damage
            aside = connection.execute("SELECT count(*) FROM unreadable").fetchone()[0]
            for window in _windows(connection):
                for row in _rows(connection, PACKED, window):
                    replies += 1
                    try:
                        unpack(Packed._make(row))
                    except UnreadableError as error:
                        unreadable[str(row[0])] = str(error)
        except sqlite3.DatabaseError as error:
            damage = damage or [str(error)]
        return Checked(replies, damage, unreadable, aside)


@dataclass(frozen=True, slots=True)
class Repaired:
    """The numbers of replies kept and unreadable, and the path of the damaged file."""

    kept: int
    lost: int
    damaged: Path


def repair(path: Path) -> Repaired:
    """Put a new file with all replies that can be read in the place of a damaged one, which is
    kept beside it.

    Raises `ReplyStoreError` while a run uses the store, and `ReplyStoreDamaged` if no reply
    can be read.
    """
    database = Database(path)
    draft = database.path.with_name(f"{database.path.name}-repaired")
    aside = database.path.with_name(f"{database.path.name}.damaged-{time.time_ns()}")
    try:
        with database.errors(), database.writing():
            _raise_if_used(database)
            connection = database.connect()
            if connection is None:
                raise ReplyStoreError(f"there are no replies in {path}", "nothing is to be mended")
            for suffix in ("", "-wal", "-shm"):  # of a repair that was killed
                draft.with_name(draft.name + suffix).unlink(missing_ok=True)
            kept, lost = _copy_readable(connection, Database(draft))
            connection.close()
            _swap(database.path, draft, aside)
    finally:
        database.close()
    return Repaired(kept, lost, aside)


def _raise_if_used(database: Database) -> None:
    mark = RunMark(database)
    try:
        if mark.first_spared() is not None:
            raise ReplyStoreError(
                f"a run is storing replies in {database.path}", "wait until it ends, or end it"
            )
    finally:
        mark.close()


def _copy_readable(connection: sqlite3.Connection, draft: Database) -> tuple[int, int]:
    copy = draft.connect(create=True)
    assert copy is not None
    marks = ", ".join("?" * len(RECORD.split(",")))
    insert = f"INSERT INTO replies ({RECORD}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608
    kept = lost = 0
    try:
        for rows, missing in _readable_rows(connection):
            lost += missing
            with transaction(copy):
                for row in rows:
                    try:
                        key, _, _, created, batch, _, _, *packed = row
                        unpack(Packed(key, created, batch, *packed))
                        kept += copy.execute(insert, row).rowcount
                    except (UnreadableError, sqlite3.IntegrityError):
                        lost += 1
        if not kept:
            raise ReplyStoreDamaged(
                "no reply can be read from it",
                "put a copy back, or move the file away to begin an empty store",
            )
    finally:
        copy.close()
    return kept, lost


def _readable_rows(connection: sqlite3.Connection) -> Iterator[tuple[list[Any], int]]:
    """Yield the rows that can be read, and how many in the same stretch of ids cannot."""
    for low, high in _windows(connection):
        try:
            yield list(_rows(connection, RECORD, (low, high))), 0
        except sqlite3.DatabaseError:  # a page of them is damaged
            rows: list[Any] = []
            missing = 0
            for number in range(low, high + 1):
                try:
                    rows += _rows(connection, RECORD, (number, number))
                except sqlite3.DatabaseError:
                    missing += 1
            yield rows, missing


def _swap(path: Path, draft: Path, aside: Path) -> None:
    """Let the draft take the place of the file; a log that stays would be taken for its own."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        log.rename(aside.with_name(f"{aside.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    os.link(path, aside)
    draft.replace(path)
    sync_folder(path.parent)


def _windows(connection: sqlite3.Connection, last: int | None = None) -> Iterator[tuple[int, int]]:
    """Cut the ids up to `last` (all there are now, if None) into steps: first and last id."""
    last = highest_id(connection) if last is None else last
    for low in range(1, last + 1, _STEP):
        yield low, min(low + _STEP - 1, last)


def _rows(
    connection: sqlite3.Connection, columns: str, window: tuple[int, int]
) -> Iterator[tuple[Any, ...]]:
    query = f"SELECT {columns} FROM replies WHERE id BETWEEN ? AND ? ORDER BY id"  # noqa: S608
    yield from connection.execute(query, window)


def _count(
    connection: sqlite3.Connection,
    summary: Summary,
    window: tuple[int, int],
    where: str,
    values: tuple[Any, ...] = (),
) -> int:
    """Add the replies of some ids that a condition names to a summary; return how many."""
    query = (
        "SELECT model, count(*), sum(input_tokens), sum(output_tokens), sum(length(packed)), "  # noqa: S608
        f"min(created), max(created) FROM replies WHERE id BETWEEN ? AND ? AND {where} "
        "GROUP BY model ORDER BY model"
    )
    before = summary.replies
    for row in connection.execute(query, (*window, *values)):
        summary._add(row)
    return summary.replies - before


def _last_to_prune(database: Database, connection: sqlite3.Connection) -> int:
    """Return the last id of those that no run under way can have bought."""
    mark = RunMark(database)
    try:
        with database.writing():
            spared = mark.first_spared()
            return highest_id(connection) if spared is None else spared
    finally:
        mark.close()


def _condition(connection: sqlite3.Connection, filters: Filters) -> tuple[str, tuple[Any, ...]]:
    """Return what the filters name, as SQL with its values."""
    conditions: list[str] = []
    values: list[Any] = []
    if filters.before is not None:
        conditions.append("created < ?")
        values.append(filters.before)
    if filters.model is not None:
        conditions.append("model = ?")
        values.append(filters.model)
    if filters.used is not None:
        connection.execute("CREATE TEMP TABLE used (key TEXT PRIMARY KEY) WITHOUT ROWID")
        connection.execute("BEGIN")  # of what is temporary only: nobody waits for it
        connection.executemany("INSERT INTO used VALUES (?)", ((key,) for key in filters.used))
        connection.execute("COMMIT")
        conditions.append("key NOT IN (SELECT key FROM used)")
    return " AND ".join(conditions) or "0", tuple(values)


def _give_room_back(database: Database, connection: sqlite3.Connection) -> None:
    while pragma_of(connection, "freelist_count"):
        with database.writing():
            connection.execute(f"PRAGMA incremental_vacuum({_FREED_AT_ONCE})").fetchall()
    with database.writing():
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
