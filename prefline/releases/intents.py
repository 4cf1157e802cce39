"""How a publisher and a collection of garbage keep out of each other's way, without a clock.

Each announces what it is about to do before it looks what the other is doing:

- a publisher writes its *intent*, the objects that its version will name, and only then looks for
  *sweeps* under way that condemn one of them; it waits for those to end. Then it uploads what is
  not there, writes card, manifest and channel, and takes its intent away;
- `gc` writes its sweep, the objects that it condemns, and only then reads first the intents and
  then the manifests; what either names is spared.

Take an object that both name. If the publisher did not see the sweep, the sweep was written after
the intent, so `gc` reads the intents when that intent is there, or is there no more because the
manifest is. If it did see it, it waits until the sweep has ended, and looks only then whether the
object is there. Either way no manifest is ever written that names an object which is then deleted.
All that this asks of the store is that a listing shows what was written before it began, which
folders and the S3 of AWS, MinIO, R2, Ceph and SeaweedFS do.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from prefline.errors import ObjectStoreError, StoreUnwritable
from prefline.releases.clock import now
from prefline.releases.layout import entries_of, intent_key, sweep_key
from prefline.storage import ObjectMissing, ObjectStore

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep under way: its number, the SHA-256 of the objects that it condemns, and since when
    (UTC, ISO 8601)."""

    number: int
    condemned: frozenset[str]
    at: str


@contextmanager
def announced(store: ObjectStore, dataset: str, objects: Iterable[str]) -> Iterator[None]:
    """While the block runs, no sweep deletes these objects (SHA-256, 64 hex digits).

    Raises `ObjectStoreError` if a sweep that condemns one of them does not end within a minute.
    """
    mine = frozenset(objects)
    key = intent_key(dataset, secrets.token_hex(16))
    store.put(key, orjson.dumps({"objects": sorted(mine), "at": now()}))
    try:
        _wait_for_sweeps(store, dataset, mine)
        yield
    finally:
        _remove(store, key)


def sweeps_under_way(store: ObjectStore, dataset: str) -> list[Sweep]:
    """The sweeps that have not ended, in their order."""
    keys = store.list(f"{dataset}/sweeps/")
    done = {key.removesuffix(".done.json") for key in keys if key.endswith(".done.json")}
    begun = [key for key in keys if key.removesuffix(".json") not in done]
    return [_read_sweep(store, dataset, number) for number in entries_of(begun)]


def intended(store: ObjectStore, dataset: str, patience: timedelta) -> tuple[set[str], list[str]]:
    """The objects that publishers at work rely on, and the keys of intents older than `patience`,
    which the dead have left."""
    relied_on: set[str] = set()
    dead: list[str] = []
    now = datetime.now(UTC)
    for entry in store.entries(f"{dataset}/intents/"):
        if now - entry.modified > patience:
            dead.append(entry.key)
            continue
        try:
            relied_on.update(orjson.loads(store.get(entry.key))["objects"])
        except ObjectMissing:
            continue  # that publisher has just ended: its manifest is there
    return relied_on, dead


def _remove(store: ObjectStore, key: str) -> None:
    """Take an intent away; who may not delete leaves it, and it expires."""
    try:
        store.delete(key)
    except StoreUnwritable as error:
        _LOG.warning("%s stays until `prefline gc` takes it for dead: %s", key, error.problem)


def _wait_for_sweeps(store: ObjectStore, dataset: str, mine: frozenset[str]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        in_the_way = [one for one in sweeps_under_way(store, dataset) if one.condemned & mine]
        if not in_the_way:
            return
        if time.monotonic() > until:
            raise _blocked(f"{store.uri}/{dataset}", in_the_way[0])
        time.sleep(_LOOK_EVERY_S)


def _read_sweep(store: ObjectStore, dataset: str, number: int) -> Sweep:
    said = orjson.loads(store.get(sweep_key(dataset, number)))
    return Sweep(number, frozenset(said["condemned"]), said["at"])


def _blocked(uri: str, sweep: Sweep) -> ObjectStoreError:
    return ObjectStoreError(
        f"a collection of garbage, at work on {uri} since {sweep.at}, is about to delete files "
        "that this version needs",
        "run the same command again once it has ended; if it was killed, end it with "
        f"`prefline gc {uri} --delete --take-over`",
    )
