"""The layout of an object store: addresses and keys.

<dataset>/objects/<sha256>.parquet                content-addressed, written once
<dataset>/versions/<NNNNNN>/README.md             dataset card, written before the manifest
<dataset>/versions/<NNNNNN>/manifest.json         written last: with it the version exists
<dataset>/versions/<NNNNNN>/yanked/<NNNNNN>.json  one entry each time it is withdrawn or taken back,
                                                  and when its files are about to be deleted
<dataset>/channels/<name>/<NNNNNN>.json           one entry for each move; the highest counts
<dataset>/models/<name>/...                       a trained model; its model.json is written last
<dataset>/intents/<token>.json                    the objects that a publisher at work relies on
<dataset>/sweeps/<NNNNNN>.json                    the objects that a garbage collection deletes
<dataset>/sweeps/<NNNNNN>.done.json               it has ended

The layout is the same in a folder and on S3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from prefline.errors import VersionCorrupt, VersionNotFound
from prefline.releases.manifest import PREFERENCE
from prefline.storage import ObjectStore, StoreOptions, open_store

LATEST = "latest"
_ENTRY = re.compile(r"/(\d{6,})\.json$")
_OF_VERSION = re.compile(r"/versions/(\d{6,})/(.+)$")
_YANK = re.compile(r"^yanked/(\d{6,})\.json$")


@dataclass(frozen=True, slots=True)
class Location:
    """A dataset in a store, and the version that was asked for (a number or a channel)."""

    store: ObjectStore
    dataset: str
    wanted: str

    @property
    def uri(self) -> str:
        """`<store>/<dataset>`, as a person would write it."""
        return f"{self.store.uri}/{self.dataset}"


def locate(uri: str, options: StoreOptions | None = None) -> Location:
    """Parse `<store>/<dataset>@<V>`; without `@V` it is the channel `latest`.

    Raises `VersionNotFound` if it names no dataset.
    """
    address, _, wanted = uri.rpartition("@")
    if not address or "/" in wanted:  # of the store's address, if of anything
        address, wanted = uri, ""
    store, _, dataset = address.rstrip("/").rpartition("/")
    if not store or store.endswith("/") or dataset in ("", ".", "..") or "@" in dataset:
        raise VersionNotFound(
            f"{uri!r} names no dataset",
            "write <store>/<dataset>@<version>, such as store/demo@latest or s3://bucket/demo@3",
        )
    return Location(open_store(store, options or StoreOptions()), dataset, wanted or LATEST)


def utc_now() -> str:
    """Return the time in UTC to the second, ISO 8601, as everything in a store gives it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_entry(store: ObjectStore, key: str, **fields: type) -> dict[str, Any]:
    """Return a small JSON object of the store, in which each of `fields` is of its type.

    Raises `VersionCorrupt` for another, which somebody else has written or damaged, and
    `ObjectMissing`.
    """
    data = store.get(key)
    try:
        entry = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _damaged(store, key, f"it is no JSON: {error}") from error
    for name, kind in fields.items():
        # A truth value is no number here.
        if not isinstance(entry, dict) or type(entry.get(name)) is not kind:
            raise _damaged(store, key, f"{name} is missing or no {kind.__name__}")
    return dict(entry)


def _damaged(store: ObjectStore, key: str, why: str) -> VersionCorrupt:
    return VersionCorrupt(
        f"{store.uri}/{key} is damaged: {why}",
        "remove that object, or put it right from a backup; somebody has changed the store by hand",
    )


def object_key(dataset: str, sha256: str) -> str:
    """Return the key of a data object."""
    return f"{dataset}/objects/{sha256}.parquet"


def manifest_key(dataset: str, version: int) -> str:
    """Return the key of a version's manifest."""
    return f"{dataset}/versions/{version:06d}/manifest.json"


def card_key(dataset: str, version: int) -> str:
    """Return the key of a version's dataset card."""
    return f"{dataset}/versions/{version:06d}/README.md"


def yank_key(dataset: str, version: int, entry: int) -> str:
    """Return the key of an entry that says whether a version is withdrawn."""
    return f"{dataset}/versions/{version:06d}/yanked/{entry:06d}.json"


def channel_key(dataset: str, channel: str, entry: int) -> str:
    """Return the key of one move of a channel."""
    return f"{dataset}/channels/{channel}/{entry:06d}.json"


def model_key(dataset: str, name: str, file: str) -> str:
    """Return the key of a file of a trained model."""
    return f"{dataset}/models/{name}/{file}"


def intent_key(dataset: str, token: str) -> str:
    """Return the key of the intent of one publisher at work."""
    return f"{dataset}/intents/{token}.json"


def sweep_key(dataset: str, number: int, *, done: bool = False) -> str:
    """Return the key of the objects that a sweep condemns, or of the mark that it has ended."""
    return f"{dataset}/sweeps/{number:06d}{'.done' if done else ''}.json"


def version_of(key: str) -> int | None:
    """Return the version whose manifest a key is; None for other keys."""
    match = _OF_VERSION.search(key)
    return int(match[1]) if match and match[2] == "manifest.json" else None


def entries_of(keys: Iterable[str]) -> list[int]:
    """Return the numbers of numbered entries, such as `channels/latest/000003.json`, rising."""
    return sorted(int(match[1]) for key in keys if (match := _ENTRY.search(key)))


@dataclass(frozen=True, slots=True)
class VersionIndex:
    """The index of the keys below `versions/`: the versions that exist, rising; those that have a
    card; the highest entry under `yanked/` of those that have any."""

    versions: tuple[int, ...]
    cards: frozenset[int]
    yank_entries: Mapping[int, int]


def index_versions(keys: Iterable[str]) -> VersionIndex:
    """Sort the keys below `versions/`; a version exists once its manifest does."""
    versions, cards = set(), set()
    yanks: dict[int, int] = {}
    for key in keys:
        match = _OF_VERSION.search(key)
        if match is None:
            continue
        number, name = int(match[1]), match[2]
        if name == "manifest.json":
            versions.add(number)
        elif name == "README.md":
            cards.add(number)
        elif entry := _YANK.match(name):
            yanks[number] = max(int(entry[1]), yanks.get(number, 0))
    return VersionIndex(tuple(sorted(versions)), frozenset(cards), yanks)


def folder_path(name: str, split: str, number: int) -> str:
    """Return where a data file lies in a folder: the file with this number (from 0) among those
    of one format and split.

    So `get` writes it, the card's front matter names it, and a copy on the Hugging Face Hub has it.
    """
    return f"{_folder(name, split)}/part-{number:05d}.parquet"


def folder_pattern(name: str, split: str) -> str:
    """Return the pattern of all files of one format and split in a folder."""
    return f"{_folder(name, split)}/*.parquet"


def _folder(name: str, split: str) -> str:
    return split if name == PREFERENCE else f"{name}/{split}"
