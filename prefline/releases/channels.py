"""Channels: names that point to a version, moved by appending an entry."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from prefline.objects import ObjectStore
from prefline.releases.layout import channel_key, number_of


def channel_names(store: ObjectStore, dataset: str) -> list[str]:
    """All channels of a dataset."""
    prefix = f"{dataset}/channels/"
    return sorted({key.removeprefix(prefix).split("/")[0] for key in store.list(prefix)})


def read_channel(store: ObjectStore, dataset: str, channel: str) -> int | None:
    """The version that a channel points to, or None if it has never been moved."""
    entries = _entries(store, dataset, channel)
    return _version_at(store, dataset, channel, entries[-1]) if entries else None


def channel_history(store: ObjectStore, dataset: str, channel: str) -> list[dict[str, object]]:
    """Every move of a channel, oldest first: {entry, version, at}."""
    return [
        {"entry": entry, **orjson.loads(store.get(channel_key(dataset, channel, entry)))}
        for entry in _entries(store, dataset, channel)
    ]


def move_channel(
    store: ObjectStore, dataset: str, channel: str, version: int, *, forward_only: bool = False
) -> bool:
    """Point a channel to a version; True if that was a move.

    Of several who move it at once each appends an entry of its own. With `forward_only` a
    channel that points to this version or a later one stays: so a publisher that comes
    second does not turn `latest` back.
    """
    while True:
        entries = _entries(store, dataset, channel)
        last = entries[-1] if entries else 0
        current = _version_at(store, dataset, channel, last) if entries else None
        if current == version or (forward_only and current is not None and current > version):
            return False
        entry = {"version": version, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        if store.put(channel_key(dataset, channel, last + 1), orjson.dumps(entry)):
            return True


def _entries(store: ObjectStore, dataset: str, channel: str) -> list[int]:
    numbers = (number_of(key) for key in store.list(f"{dataset}/channels/{channel}/"))
    return sorted(number for number in numbers if number is not None)


def _version_at(store: ObjectStore, dataset: str, channel: str, entry: int) -> int:
    return int(orjson.loads(store.get(channel_key(dataset, channel, entry)))["version"])
