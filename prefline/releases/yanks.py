"""Withdrawing a version: it stays readable by its number, and no channel leads to it any more.

An entry is appended each time a version is withdrawn or taken back; the highest counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from prefline.errors import VersionYanked
from prefline.objects import ObjectStore
from prefline.releases.layout import (
    Shelf,
    collected_key,
    entries_of,
    shelve,
    yank_key,
)


@dataclass(frozen=True, slots=True)
class Yank:
    """Why a version was withdrawn, and when (UTC, ISO 8601)."""

    reason: str
    at: str


def read_shelf(store: ObjectStore, dataset: str) -> Shelf:
    """What there is of a dataset's versions, in one listing."""
    return shelve(store.list(f"{dataset}/versions/"))


def read_yank(store: ObjectStore, dataset: str, version: int) -> Yank | None:
    """Why a version is withdrawn; None if it is not."""
    entries = entries_of(store.list(f"{dataset}/versions/{version:06d}/yanked/"))
    return _read(store, dataset, version, entries[-1]) if entries else None


def yanks_of(store: ObjectStore, dataset: str, shelf: Shelf) -> dict[int, Yank]:
    """The versions of a shelf that are withdrawn."""
    read = {
        version: _read(store, dataset, version, entry)
        for version, entry in shelf.yank_entries.items()
    }
    return {version: found for version, found in sorted(read.items()) if found is not None}


def yank(store: ObjectStore, dataset: str, version: int, reason: str) -> bool:
    """Withdraw a version that exists; True if it was not withdrawn for this reason already.

    Channels that point to it are moved by `channels.leave`.
    """
    known = read_yank(store, dataset, version)
    if known is not None and known.reason == reason:
        return False
    _append(store, dataset, version, {"yanked": True, "reason": reason})
    return True


def unyank(store: ObjectStore, dataset: str, version: int) -> bool:
    """Take a withdrawal back; True if there was one.

    Raises `VersionYanked` if the version's files are deleted or about to be. That is looked at
    after the entry is written, and `gc` looks at the entries after it has written its mark, so
    that one of the two always sees the other.
    """
    known = read_yank(store, dataset, version)
    if known is None:
        return False
    _append(store, dataset, version, {"yanked": False, "reason": ""})
    if store.size(collected_key(dataset, version)) is not None:
        _append(store, dataset, version, {"yanked": True, "reason": known.reason})
        raise VersionYanked(
            f"version {version} of {store.uri}/{dataset} was withdrawn ({known.reason}), and its "
            "files have been deleted since",
            "publish its rows again: that makes a new version",
        )
    return True


def _append(store: ObjectStore, dataset: str, version: int, what: dict[str, object]) -> None:
    data = orjson.dumps(what | {"at": datetime.now(UTC).isoformat(timespec="seconds")})
    folder = f"{dataset}/versions/{version:06d}/yanked/"
    while True:
        last = max(entries_of(store.list(folder)), default=0)
        if store.put(yank_key(dataset, version, last + 1), data):
            return


def _read(store: ObjectStore, dataset: str, version: int, entry: int) -> Yank | None:
    said = orjson.loads(store.get(yank_key(dataset, version, entry)))
    return Yank(said["reason"], said["at"]) if said["yanked"] else None
