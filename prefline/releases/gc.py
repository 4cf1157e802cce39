"""Collecting garbage: files that no version names, and those of versions long withdrawn.

Never an object of a living version; safe beside publishers at work, for which see `intents`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from prefline.errors import ObjectStoreError, StoreUnwritable
from prefline.releases.clock import now
from prefline.releases.intents import Sweep, intended, sweeps_under_way
from prefline.releases.layout import entries_of, object_key, sweep_key
from prefline.releases.read import all_manifests
from prefline.releases.yanks import give_up, read_shelf, yanks_of
from prefline.storage import Entry, ObjectStore
from prefline.storage.contract import WEEK

_SHA256 = re.compile(r"/objects/([0-9a-f]{64})\.parquet$")


@dataclass(frozen=True, slots=True)
class Rules:
    """What is garbage: files that no version names for longer than `grace`; with `yanked` those
    of versions withdrawn for longer too. `take_over` ends sweeps of others that were killed."""

    grace: timedelta = WEEK
    yanked: bool = False
    take_over: bool = False

    @property
    def patience(self) -> timedelta:
        """How old the traces of a publisher must be until it is taken for dead. A short grace does
        not shorten it: one at work would lose its files, and its version be published without."""
        return max(self.grace, WEEK)


@dataclass(frozen=True, slots=True)
class Garbage:
    """What a collection found, or deleted: objects by SHA-256 with their bytes, withdrawn versions
    whose files are among them, uploads and temporary files half done, intents of the dead, and
    objects spared because a publisher at work relies on them."""

    objects: dict[str, int] = field(default_factory=dict)
    versions: list[int] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    intents: list[str] = field(default_factory=list)
    spared: list[str] = field(default_factory=list)


def find_garbage(store: ObjectStore, dataset: str, rules: Rules) -> Garbage:
    """What `collect` would delete now, apart from what is half done, which only it looks for."""
    versions = _withdrawn_for_long(store, dataset, rules) if rules.yanked else []
    named = _named(store, dataset, without=_collected(store, dataset).union(versions))
    relied_on, dead = intended(store, dataset, rules.patience)
    entries = store.entries(f"{dataset}/objects/")
    condemned = _condemned(entries, named, rules.grace)
    return Garbage(
        objects={sha: size for sha, size in condemned.items() if sha not in relied_on},
        versions=versions,
        intents=dead,
        spared=sorted(condemned.keys() & relied_on),
    )


def collect(store: ObjectStore, dataset: str, rules: Rules) -> Garbage:
    """Delete garbage, and say what it was.

    Killed anywhere, nothing is lost but the sweep's end, for which publishers that need one of its
    objects wait in vain; `take_over` ends it. Raises `ObjectStoreError` if another is at work.
    """
    _end_others(store, dataset, rules)
    found = find_garbage(store, dataset, rules)
    versions = [number for number in found.versions if give_up(store, dataset, number)]
    # What only versions name that are not withdrawn any more is spared below, by their manifests.
    number = _begin(store, dataset, found.objects)
    relied_on, _ = intended(store, dataset, rules.patience)
    named = _named(store, dataset, without=_collected(store, dataset))
    spared = found.objects.keys() & (relied_on | named)
    try:
        for sha256 in found.objects.keys() - spared:
            store.delete(object_key(dataset, sha256))
        for key in found.intents:
            store.delete(key)
    except StoreUnwritable:  # refused, so nothing is on its way that could still be deleted
        _end(store, dataset, number)
        raise
    _end(store, dataset, number)
    return Garbage(
        objects={sha: size for sha, size in found.objects.items() if sha not in spared},
        versions=versions,
        unfinished=store.abort_unfinished(f"{dataset}/", rules.patience),
        intents=found.intents,
        spared=sorted(spared | set(found.spared)),
    )


def _condemned(entries: Iterable[Entry], named: set[str], grace: timedelta) -> dict[str, int]:
    """The objects that no version names, and that are older than the grace, with their bytes."""
    now = datetime.now(UTC)
    return {
        sha[1]: entry.bytes
        for entry in entries
        if (sha := _SHA256.search(entry.key))
        and sha[1] not in named
        and now - entry.modified > grace
    }


def _named(store: ObjectStore, dataset: str, without: Iterable[int]) -> set[str]:
    """The objects that versions name, but those `without`."""
    left = set(without)
    return {
        one.sha256
        for manifest in all_manifests(store, dataset)
        if manifest.version not in left
        for one in manifest.files
    }


def _withdrawn_for_long(store: ObjectStore, dataset: str, rules: Rules) -> list[int]:
    shelf = read_shelf(store, dataset)
    now = datetime.now(UTC)
    return [
        version
        for version, found in yanks_of(store, dataset, shelf).items()
        if not found.collected and now - datetime.fromisoformat(found.at) > rules.grace
    ]


def _collected(store: ObjectStore, dataset: str) -> set[int]:
    """The versions that were given up, whether or not all of their files are gone yet."""
    yanks = yanks_of(store, dataset, read_shelf(store, dataset))
    return {version for version, found in yanks.items() if found.collected}


def _begin(store: ObjectStore, dataset: str, objects: Iterable[str]) -> int:
    data = orjson.dumps({"condemned": sorted(objects), "at": now()})
    while True:
        number = max(entries_of(store.list(f"{dataset}/sweeps/")), default=0) + 1
        if store.put(sweep_key(dataset, number), data):
            return number


def _end(store: ObjectStore, dataset: str, number: int) -> None:
    store.put(sweep_key(dataset, number, done=True), orjson.dumps({"at": now()}))


def _end_others(store: ObjectStore, dataset: str, rules: Rules) -> None:
    under_way = sweeps_under_way(store, dataset)
    if under_way and not rules.take_over:
        raise _at_work(f"{store.uri}/{dataset}", under_way[0])
    for one in under_way:
        _end(store, dataset, one.number)


def _at_work(uri: str, sweep: Sweep) -> ObjectStoreError:
    return ObjectStoreError(
        f"another collection of garbage is at work on {uri}, since {sweep.at}",
        f"wait until it has ended; if it was killed, run `prefline gc {uri} --delete --take-over`",
    )
