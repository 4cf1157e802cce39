"""Withdrawing a version: it stays readable by its number, and no channel leads to it any more.

An entry is appended each time a version is withdrawn, taken back, or given up to `gc`; the highest
counts. Each is written under the number that follows the entry it was decided on, and the store
lets one writer alone create it: so of one who takes a version back and a collection that is about
to delete its files only one succeeds, and the other looks again. Given up is for good.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from prefline.errors import VersionNotFound, VersionYanked
from prefline.releases.clock import now
from prefline.releases.layout import Shelf, entries_of, manifest_key, shelve, yank_key
from prefline.storage import ObjectStore


@dataclass(frozen=True, slots=True)
class Yank:
    """Why a version was withdrawn, and when (UTC, ISO 8601); `collected` where its files are being
    deleted, or are gone."""

    reason: str
    at: str
    collected: bool = False


def read_shelf(store: ObjectStore, dataset: str) -> Shelf:
    """What there is of a dataset's versions, in one listing."""
    return shelve(store.list(f"{dataset}/versions/"))


def require_version(store: ObjectStore, dataset: str, version: int) -> None:
    """Raise `VersionNotFound` if there is no such version."""
    if store.size(manifest_key(dataset, version)) is None:
        uri = f"{store.uri}/{dataset}"
        raise VersionNotFound(
            f"{uri} has no version {version}", f"`prefline versions {uri}` lists those there are"
        )


def read_yank(store: ObjectStore, dataset: str, version: int) -> Yank | None:
    """Why a version is withdrawn; None if it is not."""
    return _newest(store, dataset, version)[1]


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
    while True:
        last, known = _newest(store, dataset, version)
        if known is not None and known.reason == reason:
            return False
        new = Yank(reason, now(), collected=known is not None and known.collected)
        if _append(store, dataset, version, last, new):
            return True


def unyank(store: ObjectStore, dataset: str, version: int) -> bool:
    """Take a withdrawal back; True if there was one.

    Raises `VersionYanked` if the version's files are deleted or about to be.
    """
    while True:
        last, known = _newest(store, dataset, version)
        if known is None:
            return False
        if known.collected:
            raise _deleted(f"{store.uri}/{dataset}", version, known)
        if _append(store, dataset, version, last, None):
            return True


def give_up(store: ObjectStore, dataset: str, version: int) -> bool:
    """Say that a withdrawn version's files go; False if it has been taken back meanwhile.

    From then on it cannot be taken back.
    """
    while True:
        last, known = _newest(store, dataset, version)
        if known is None or known.collected:
            return known is not None
        given_up = Yank(known.reason, known.at, collected=True)
        if _append(store, dataset, version, last, given_up):
            return True


def _newest(store: ObjectStore, dataset: str, version: int) -> tuple[int, Yank | None]:
    """The number of the highest entry, 0 if there is none, and what it says."""
    entries = entries_of(store.list(f"{dataset}/versions/{version:06d}/yanked/"))
    return (entries[-1], _read(store, dataset, version, entries[-1])) if entries else (0, None)


def _append(store: ObjectStore, dataset: str, version: int, last: int, what: Yank | None) -> bool:
    """Write the entry after `last`; False if another has."""
    said: dict[str, object] = {"yanked": what is not None, "reason": what.reason if what else ""}
    said["at"] = what.at if what else now()
    if what and what.collected:
        said |= {"collected": True, "collected_at": now()}
    return store.put(yank_key(dataset, version, last + 1), orjson.dumps(said))


def _read(store: ObjectStore, dataset: str, version: int, entry: int) -> Yank | None:
    said = orjson.loads(store.get(yank_key(dataset, version, entry)))
    if not said["yanked"]:
        return None
    return Yank(said["reason"], said["at"], collected=said.get("collected", False))


def _deleted(uri: str, version: int, known: Yank) -> VersionYanked:
    return VersionYanked(
        f"version {version} of {uri} was withdrawn ({known.reason}), and its files have been "
        "deleted since",
        "publish its rows again: that makes a new version",
    )
