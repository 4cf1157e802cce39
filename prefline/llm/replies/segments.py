"""Segments: what a store has got since some moment, as a store of its own to be sent elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prefline.llm.replies.database import RECORD, Database, highest_id, opened, transaction

_AT_ONCE = 5_000
_INSERT = (
    f"INSERT INTO replies ({RECORD}) VALUES ({', '.join('?' * len(RECORD.split(',')))}) "  # noqa: S608 - names of columns
    "ON CONFLICT DO NOTHING"
)


def copy_replies(
    source: Path, target: Path, *, after: int = 0, models: Iterable[str] | None = None
) -> int:
    """Copy the replies of a store with ids above `after`, of these models or of all, to another,
    which keeps those that it has; neither is made where nothing is to be copied.

    Returns the highest id of `source`, after which the next segment begins. Raises
    `ReplyStoreError` and `DiskFull`.
    """
    where, values = "id BETWEEN ? AND ?", list[str]()
    if models is not None:
        values = sorted(set(models))
        where += f" AND model IN ({', '.join('?' * len(values))})"
    with opened(source) as (_, reader):
        last = 0 if reader is None else highest_id(reader)
        if reader is None or last <= after:
            return after
        rows = reader.execute(
            f"SELECT {RECORD} FROM replies WHERE {where} ORDER BY id",  # noqa: S608 - names of columns
            (after + 1, last, *values),
        )
        database = Database(target)
        try:
            while batch := rows.fetchmany(_AT_ONCE):
                with database.errors(), database.writing():
                    writer = database.connect(create=True)
                    assert writer is not None
                    try:
                        with transaction(writer):
                            writer.executemany(_INSERT, batch)
                    finally:
                        writer.close()
        finally:
            database.close()
    return last


def last_id(path: Path) -> int:
    """Return the highest id of a store's replies; 0 for one that is not there yet."""
    with opened(path) as (_, connection):
        return 0 if connection is None else highest_id(connection)
