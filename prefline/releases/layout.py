"""Where things lie in an object store; the same in a folder and on S3.

<dataset>/objects/<sha256>.parquet                content-addressed, written once
<dataset>/versions/<NNNNNN>/README.md             dataset card, written before the manifest
<dataset>/versions/<NNNNNN>/manifest.json         written last: with it the version exists
<dataset>/versions/<NNNNNN>/yanked/<NNNNNN>.json  one entry each time it is withdrawn or taken back,
                                                  and when its files are about to be deleted
<dataset>/channels/<name>/<NNNNNN>.json           one entry for each move; the highest counts
<dataset>/models/<name>/...                       a trained model; its model.json is written last
<dataset>/intents/<token>.json                    what a publisher at work relies on
<dataset>/sweeps/<NNNNNN>.json                    what a collection of garbage is about to delete
<dataset>/sweeps/<NNNNNN>.done.json               it has ended
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_ENTRY = re.compile(r"/(\d{6,})\.json$")
_OF_VERSION = re.compile(r"/versions/(\d{6,})/(.+)$")
_YANK = re.compile(r"^yanked/(\d{6,})\.json$")


def object_key(dataset: str, sha256: str) -> str:
    """Key of a data object."""
    return f"{dataset}/objects/{sha256}.parquet"


def manifest_key(dataset: str, version: int) -> str:
    """Key of a version's manifest."""
    return f"{dataset}/versions/{version:06d}/manifest.json"


def card_key(dataset: str, version: int) -> str:
    """Key of a version's dataset card."""
    return f"{dataset}/versions/{version:06d}/README.md"


def yank_key(dataset: str, version: int, entry: int) -> str:
    """Key of an entry that says whether a version is withdrawn."""
    return f"{dataset}/versions/{version:06d}/yanked/{entry:06d}.json"


def channel_key(dataset: str, channel: str, entry: int) -> str:
    """Key of one move of a channel."""
    return f"{dataset}/channels/{channel}/{entry:06d}.json"


def model_key(dataset: str, name: str, file: str) -> str:
    """Key of a file of a trained model."""
    return f"{dataset}/models/{name}/{file}"


def intent_key(dataset: str, token: str) -> str:
    """Key of what one publisher at work relies on."""
    return f"{dataset}/intents/{token}.json"


def sweep_key(dataset: str, number: int, *, done: bool = False) -> str:
    """Key of what a sweep condemns, or of the mark that it has ended."""
    return f"{dataset}/sweeps/{number:06d}{'.done' if done else ''}.json"


def version_of(key: str) -> int | None:
    """The version whose manifest a key is; None for other keys."""
    found = _OF_VERSION.search(key)
    return int(found[1]) if found and found[2] == "manifest.json" else None


def entries_of(keys: Iterable[str]) -> list[int]:
    """The numbers of numbered entries, such as `channels/latest/000003.json`, rising."""
    return sorted(int(found[1]) for key in keys if (found := _ENTRY.search(key)))


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the keys below `versions/` tell: the versions that exist, rising; those that have a
    card; the highest entry under `yanked/` of those that have any."""

    versions: tuple[int, ...]
    cards: frozenset[int]
    yank_entries: Mapping[int, int]


def shelve(keys: Iterable[str]) -> Shelf:
    """Sort the keys below `versions/`; a version exists once its manifest does."""
    versions, cards = set(), set()
    yanks: dict[int, int] = {}
    for key in keys:
        found = _OF_VERSION.search(key)
        if found is None:
            continue
        number, name = int(found[1]), found[2]
        if name == "manifest.json":
            versions.add(number)
        elif name == "README.md":
            cards.add(number)
        elif entry := _YANK.match(name):
            yanks[number] = max(int(entry[1]), yanks.get(number, 0))
    return Shelf(tuple(sorted(versions)), frozenset(cards), yanks)
