"""Collecting garbage: files that no version names, and those of versions long withdrawn.

It never deletes an object of a living version, and publishers may be at work meanwhile. The two
keep out of each other's way without a clock: each announces what it is about to do before it looks
at what the other is doing.

- A publisher writes its *intent*, the objects that its version will name, and only then looks for
  *sweeps* under way that condemn one of them; it waits for those to end. Then it uploads what is
  not there, writes card, manifest and channel, and takes its intent away.
- A collection writes its sweep, the objects that it condemns, and only then reads first the intents
  and then the manifests; what either names is spared.

Take an object that both name. If the publisher did not see the sweep, the sweep was written after
the intent, so the collection reads the intents when that intent is there, or is there no more
because the manifest is. If it did see it, it waits until the sweep has ended, and looks only then
whether the object is there. Either way no manifest is ever written that names an object which is
then deleted. All that this asks of the store is that a listing shows what was written before it
began, which folders and the S3 of AWS, MinIO, R2, Ceph and SeaweedFS do.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from prefline.errors import DamagedWarning, ObjectStoreError, StoreUnwritable, VersionCorrupt
from prefline.releases.layout import (
    entries_of,
    intent_key,
    object_key,
    read_entry,
    sweep_key,
    utc_now,
)
from prefline.releases.versions import DamagedManifest, read_manifests
from prefline.releases.yanks import mark_collected, read_version_index, read_yanks
from prefline.storage import Entry, ObjectMissing, ObjectStore
from prefline.storage.store import WEEK

_LOG = logging.getLogger(__name__)
_HASH = re.compile(rb"[0-9a-f]{64}")
_SHA256 = re.compile(r"/objects/([0-9a-f]{64})\.parquet$")
_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class GcRules:
    """The definition of garbage: files that no version names for longer than `grace`.

    With `yanked` those of versions withdrawn for longer too. `take_over` ends sweeps of others
    that were killed.
    """

    grace: timedelta = WEEK
    yanked: bool = False
    take_over: bool = False

    @property
    def patience(self) -> timedelta:
        """The age from which the traces of a publisher count as those of a dead one.

        A short grace does not shorten it: a publisher at work would lose its files, and its version
        be published without them.
        """
        return max(self.grace, WEEK)


@dataclass(frozen=True, slots=True)
class Garbage:
    """The garbage that was found, or deleted: objects by SHA-256 with their bytes, withdrawn
    versions whose files are among them, uploads and temporary files half done, intents of the dead,
    and objects spared because a publisher at work relies on them."""

    objects: dict[str, int] = field(default_factory=dict)
    versions: list[int] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    intents: list[str] = field(default_factory=list)
    spared: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep under way: its number, the SHA-256 of the objects that it condemns, and since when
    (UTC, ISO 8601)."""

    number: int
    condemned: frozenset[str]
    at: str


def find_garbage(
    store: ObjectStore, dataset: str, rules: GcRules, now: datetime | None = None
) -> Garbage:
    """Return what `collect_garbage` would delete `now` (by this machine's clock), apart from what
    is half done, which only it looks for."""
    now = now or datetime.now(UTC)
    versions = _long_withdrawn(store, dataset, rules, now) if rules.yanked else []
    named = _named_objects(store, dataset, without=_collected(store, dataset).union(versions))
    relied_on, dead = read_intents(store, dataset, rules.patience, now)
    condemned = _condemned(store.entries(f"{dataset}/objects/"), named, rules.grace, now)
    return Garbage(
        objects={sha: size for sha, size in condemned.items() if sha not in relied_on},
        versions=versions,
        intents=dead,
        spared=sorted(condemned.keys() & relied_on),
    )


def collect_garbage(store: ObjectStore, dataset: str, rules: GcRules) -> Garbage:
    """Delete garbage, and return what it was.

    Killed anywhere, nothing is lost but the sweep's end, for which publishers that need one of its
    objects wait in vain; `take_over` ends it. Raises `ObjectStoreError` if another is at work.
    """
    _end_other_sweeps(store, dataset, rules)
    now = _clock_of(store, dataset)
    garbage = find_garbage(store, dataset, rules, now)
    versions = [number for number in garbage.versions if mark_collected(store, dataset, number)]
    # What only versions name that are not withdrawn any more is spared below, by their manifests.
    number = _begin_sweep(store, dataset, garbage.objects)
    relied_on, _ = read_intents(store, dataset, rules.patience, now)
    named = _named_objects(store, dataset, without=_collected(store, dataset))
    spared = garbage.objects.keys() & (relied_on | named)
    try:
        for sha256 in garbage.objects.keys() - spared:
            store.delete(object_key(dataset, sha256))
        for key in garbage.intents:
            store.delete(key)
    except StoreUnwritable:  # refused, so nothing is on its way that could still be deleted
        _end_sweep(store, dataset, number)
        raise
    _end_sweep(store, dataset, number)
    return Garbage(
        objects={sha: size for sha, size in garbage.objects.items() if sha not in spared},
        versions=versions,
        unfinished=store.abort_unfinished(f"{dataset}/", rules.patience),
        intents=garbage.intents,
        spared=sorted(spared | set(garbage.spared)),
    )


@contextmanager
def declared_intent(store: ObjectStore, dataset: str, objects: Iterable[str]) -> Iterator[None]:
    """Keep every sweep from deleting these objects (SHA-256, 64 hex digits) during the block.

    Raises `ObjectStoreError` if a sweep that condemns one of them does not end within a minute.
    """
    needed = frozenset(objects)
    key = intent_key(dataset, secrets.token_hex(16))
    store.put(key, orjson.dumps({"objects": sorted(needed), "at": utc_now()}))
    try:
        _wait_for_sweeps(store, dataset, needed)
        yield
    finally:
        _remove_intent(store, key)


def read_intents(
    store: ObjectStore, dataset: str, patience: timedelta, now: datetime
) -> tuple[set[str], list[str]]:
    """Return the objects that publishers at work rely on, and the keys of intents older than
    `patience`, which the dead have left."""
    relied_on: set[str] = set()
    dead: list[str] = []
    for entry in store.entries(f"{dataset}/intents/"):
        if now - entry.modified > patience:
            dead.append(entry.key)
            continue
        try:
            relied_on.update(map(str, read_entry(store, entry.key, objects=list)["objects"]))
        except ObjectMissing:
            continue  # that publisher has just ended: its manifest is there
    return relied_on, dead


def sweeps_under_way(store: ObjectStore, dataset: str) -> list[Sweep]:
    """Return the sweeps that have not ended, in their order."""
    keys = store.list(f"{dataset}/sweeps/")
    done = {key.removesuffix(".done.json") for key in keys if key.endswith(".done.json")}
    begun = [key for key in keys if key.removesuffix(".json") not in done]
    return [_read_sweep(store, dataset, number) for number in entries_of(begun)]


def _clock_of(store: ObjectStore, dataset: str) -> datetime:
    """Return the earlier of the store's time and ours: ages are of times that the store gave, and
    a clock of ours that is days ahead would make the work of a living publisher garbage."""
    key = intent_key(dataset, f"clock-{secrets.token_hex(8)}")
    store.put(key, orjson.dumps({"objects": [], "at": utc_now()}))
    # S3 tells whole seconds.
    written = [entry.modified + timedelta(seconds=1) for entry in store.entries(key)]
    _remove_intent(store, key)
    return min([datetime.now(UTC), *written])


def _condemned(
    entries: Iterable[Entry], named: set[str], grace: timedelta, now: datetime
) -> dict[str, int]:
    """Return the objects that no version names, and that are older than the grace, with their
    bytes."""
    return {
        match[1]: entry.bytes
        for entry in entries
        if (match := _SHA256.search(entry.key))
        and match[1] not in named
        and now - entry.modified > grace
    }


def _named_objects(store: ObjectStore, dataset: str, without: Iterable[int]) -> set[str]:
    """Return the objects that versions name, but those `without`."""
    left_out = set(without)
    named: set[str] = set()
    yanked = read_yanks(store, dataset, read_version_index(store, dataset))
    for result in read_manifests(store, dataset):
        if isinstance(result, DamagedManifest):
            if result.version not in yanked:
                raise _cannot_tell(f"{store.uri}/{dataset}", result)
            # What can be read of it is spared all the same.
            warnings.warn(DamagedWarning(result.error.problem), stacklevel=3)
            named.update(sha256.decode() for sha256 in _HASH.findall(result.data))
        elif result.version not in left_out:
            named.update(file.sha256 for file in result.files)
    return named


def _cannot_tell(uri: str, damaged: DamagedManifest) -> VersionCorrupt:
    return VersionCorrupt(
        f"{damaged.error.problem}; so it is not known which files it needs, and none is deleted",
        "put the manifest right from a backup; or give that version up, and collect again: "
        f"`prefline yank {uri}@{damaged.version} --reason damaged`",
    )


def _long_withdrawn(store: ObjectStore, dataset: str, rules: GcRules, now: datetime) -> list[int]:
    yanks = read_yanks(store, dataset, read_version_index(store, dataset))
    return [
        version
        for version, yank in yanks.items()
        if not yank.collected and now - datetime.fromisoformat(yank.at) > rules.grace
    ]


def _collected(store: ObjectStore, dataset: str) -> set[int]:
    """Return the versions that were given up, whether or not all of their files are gone yet."""
    yanks = read_yanks(store, dataset, read_version_index(store, dataset))
    return {version for version, yank in yanks.items() if yank.collected}


def _begin_sweep(store: ObjectStore, dataset: str, objects: Iterable[str]) -> int:
    data = orjson.dumps({"condemned": sorted(objects), "at": utc_now()})
    while True:
        number = max(entries_of(store.list(f"{dataset}/sweeps/")), default=0) + 1
        if store.put(sweep_key(dataset, number), data):
            return number


def _end_sweep(store: ObjectStore, dataset: str, number: int) -> None:
    store.put(sweep_key(dataset, number, done=True), orjson.dumps({"at": utc_now()}))


def _end_other_sweeps(store: ObjectStore, dataset: str, rules: GcRules) -> None:
    under_way = sweeps_under_way(store, dataset)
    if under_way and not rules.take_over:
        uri = f"{store.uri}/{dataset}"
        raise ObjectStoreError(
            f"another collection of garbage is at work on {uri}, since {under_way[0].at}",
            "wait until it has ended; if it was killed, run "
            f"`prefline gc {uri} --delete --take-over`",
        )
    for sweep in under_way:
        _end_sweep(store, dataset, sweep.number)


def _read_sweep(store: ObjectStore, dataset: str, number: int) -> Sweep:
    entry = read_entry(store, sweep_key(dataset, number), condemned=list, at=str)
    return Sweep(number, frozenset(map(str, entry["condemned"])), entry["at"])


def _remove_intent(store: ObjectStore, key: str) -> None:
    """Take an intent away; who may not delete leaves it, and it expires."""
    try:
        store.delete(key)
    except StoreUnwritable as error:
        _LOG.warning("%s stays until `prefline gc` takes it for dead: %s", key, error.problem)


def _wait_for_sweeps(store: ObjectStore, dataset: str, needed: frozenset[str]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        sweeps = [sweep for sweep in sweeps_under_way(store, dataset) if sweep.condemned & needed]
        if not sweeps:
            return
        if time.monotonic() > until:
            uri = f"{store.uri}/{dataset}"
            raise ObjectStoreError(
                f"a collection of garbage, at work on {uri} since {sweeps[0].at}, is about to "
                "delete files that this version needs",
                "run the same command again once it has ended; if it was killed, end it with "
                f"`prefline gc {uri} --delete --take-over`",
            )
        time.sleep(_LOOK_EVERY_S)
