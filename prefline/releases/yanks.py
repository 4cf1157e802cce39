"""Withdrawing a version: it stays readable by its number, and no channel leads to it any more.

An entry is appended each time a version is withdrawn, taken back, or given up to `gc`; the highest
counts. Each is written under the number that follows the entry it was decided on, and the store
lets one writer alone create it: so of one who takes a version back and a collection that is about
to delete its files only one succeeds, and the other looks again. Given up is for good.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from prefline.errors import VersionCorrupt, VersionNotFound, VersionYanked
from prefline.releases.layout import (
    VersionIndex,
    entries_of,
    index_versions,
    manifest_key,
    read_entry,
    utc_now,
    yank_key,
)
from prefline.storage import ObjectStore


@dataclass(frozen=True, slots=True)
class Yank:
    """The reason of a withdrawal, and when it was (UTC, ISO 8601); `collected` where the version's
    files are being deleted, or are gone."""

    reason: str
    at: str
    collected: bool = False


def read_version_index(store: ObjectStore, dataset: str) -> VersionIndex:
    """Return what there is of a dataset's versions, by one listing."""
    return index_versions(store.list(f"{dataset}/versions/"))


def require_version(store: ObjectStore, dataset: str, version: int) -> None:
    """Raise `VersionNotFound` if there is no such version."""
    if store.size(manifest_key(dataset, version)) is None:
        uri = f"{store.uri}/{dataset}"
        raise VersionNotFound(
            f"{uri} has no version {version}", f"`prefline versions {uri}` lists those there are"
        )


def read_yank(store: ObjectStore, dataset: str, version: int) -> Yank | None:
    """Return the withdrawal of a version; None if it is not withdrawn."""
    return _newest(store, dataset, version)[1]


def read_yanks(store: ObjectStore, dataset: str, index: VersionIndex) -> dict[int, Yank]:
    """Return the withdrawals of all versions of an index, by version."""
    yanks = {
        version: _read(store, dataset, version, entry)
        for version, entry in index.yank_entries.items()
    }
    return {version: found for version, found in sorted(yanks.items()) if found is not None}


def yank(store: ObjectStore, dataset: str, version: int, reason: str) -> bool:
    """Withdraw a version that exists; return True if it was not withdrawn for this reason yet.

    Channels that point to it are moved by `channels.move_channels_off`.
    """
    while True:
        last, current = _newest(store, dataset, version)
        if current is not None and current.reason == reason:
            return False
        collected = current is not None and current.collected
        if _append(store, dataset, version, last, Yank(reason, utc_now(), collected)):
            return True


def unyank(store: ObjectStore, dataset: str, version: int) -> bool:
    """Take a withdrawal back; return True if there was one.

    Raises `VersionYanked` if the version's files are deleted or about to be.
    """
    while True:
        last, current = _newest(store, dataset, version)
        if current is None:
            return False
        if current.collected:
            raise _deleted(f"{store.uri}/{dataset}", version, current)
        if _append(store, dataset, version, last, None):
            return True


def mark_collected(store: ObjectStore, dataset: str, version: int) -> bool:
    """Say that a withdrawn version's files go; return False if it was taken back meanwhile.

    From then on it cannot be taken back.
    """
    while True:
        last, current = _newest(store, dataset, version)
        if current is None or current.collected:
            return current is not None
        collected = Yank(current.reason, current.at, collected=True)
        if _append(store, dataset, version, last, collected):
            return True


def _newest(store: ObjectStore, dataset: str, version: int) -> tuple[int, Yank | None]:
    """Return the number of the highest entry, 0 if there is none, and what it says."""
    entries = entries_of(store.list(f"{dataset}/versions/{version:06d}/yanked/"))
    return (entries[-1], _read(store, dataset, version, entries[-1])) if entries else (0, None)


def _append(store: ObjectStore, dataset: str, version: int, last: int, new: Yank | None) -> bool:
    """Write the entry after `last`; return False if another has."""
    entry: dict[str, object] = {"yanked": new is not None, "reason": new.reason if new else ""}
    entry["at"] = new.at if new else utc_now()
    if new and new.collected:
        entry |= {"collected": True, "collected_at": utc_now()}
    return store.put(yank_key(dataset, version, last + 1), orjson.dumps(entry))


def _read(store: ObjectStore, dataset: str, version: int, number: int) -> Yank | None:
    key = yank_key(dataset, version, number)
    try:
        entry = read_entry(store, key, yanked=bool, reason=str, at=str)
    except VersionCorrupt as error:
        # Whom to trust is not known, so no channel leads there; and no file of it goes, by its age.
        return Yank(error.problem, utc_now())
    if not entry["yanked"]:
        return None
    return Yank(entry["reason"], entry["at"], collected=entry.get("collected") is True)


def _deleted(uri: str, version: int, current: Yank) -> VersionYanked:
    return VersionYanked(
        f"version {version} of {uri} was withdrawn ({current.reason}), and its files have been "
        "deleted since",
        "publish its rows again: that makes a new version",
    )
