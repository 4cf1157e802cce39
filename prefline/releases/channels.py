"""Channels: names that point to a version, moved by appending an entry."""

from __future__ import annotations

import re

import orjson

from prefline.errors import InputError, VersionYanked
from prefline.releases.layout import channel_key, entries_of, read_entry, utc_now
from prefline.releases.yanks import read_yank, require_version
from prefline.storage import ObjectStore

_NAME = re.compile(r"[a-z][a-z0-9._-]*")  # as `publish.channel` must be


def channel_names(store: ObjectStore, dataset: str) -> list[str]:
    """Return the names of all channels of a dataset."""
    prefix = f"{dataset}/channels/"
    paths = (key.removeprefix(prefix).split("/") for key in store.list(prefix))
    return sorted({path[0] for path in paths if len(path) == 2})  # noqa: PLR2004 - name and entry


def read_channel(store: ObjectStore, dataset: str, channel: str) -> int | None:
    """Return the version that a channel leads to, or None if it has never been moved.

    A withdrawn version is passed over for the one that the channel pointed to before it. Raises
    `VersionYanked` if all of them are withdrawn.
    """
    entries = _entries(store, dataset, channel)
    withdrawn: dict[int, str] = {}
    for entry in reversed(entries):
        version = _version_at(store, dataset, channel, entry)
        if version in withdrawn:
            continue
        yanked = read_yank(store, dataset, version)
        if yanked is None:
            return version
        withdrawn[version] = yanked.reason
    if entries:
        raise _all_yanked(f"{store.uri}/{dataset}", channel, withdrawn)
    return None


def channel_history(store: ObjectStore, dataset: str, channel: str) -> list[dict[str, object]]:
    """Return every move of a channel, oldest first: {entry, version, at}."""
    return [
        {"entry": entry}
        | read_entry(store, channel_key(dataset, channel, entry), version=int, at=str)
        for entry in _entries(store, dataset, channel)
    ]


def move_channel(
    store: ObjectStore, dataset: str, channel: str, version: int, *, forward_only: bool = False
) -> bool:
    """Point a channel to a version; return True if that was a move.

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
        entry = {"version": version, "at": utc_now()}
        if store.put(channel_key(dataset, channel, last + 1), orjson.dumps(entry)):
            return True


def point_channel(store: ObjectStore, dataset: str, channel: str, version: int) -> bool:
    """Do as `move_channel` for a person: to a version that exists and is not withdrawn.

    Raises `VersionNotFound` or `VersionYanked` for another, and `InputError` for a name that no
    reader could ask for: a number, or one with a slash.
    """
    if not _NAME.fullmatch(channel):
        raise InputError(
            f"{channel!r} is no name of a channel",
            "begin it with one of a-z and go on with a-z, 0-9, '.', '_' or '-', as in `production`",
        )
    uri = f"{store.uri}/{dataset}"
    require_version(store, dataset, version)
    yanked = read_yank(store, dataset, version)
    if yanked is not None:
        raise VersionYanked(
            f"{uri}@{version} was withdrawn: {yanked.reason}",
            f"point the channel to another version, or `prefline yank {uri}@{version} --undo`",
        )
    return move_channel(store, dataset, channel, version)


def move_channels_off(store: ObjectStore, dataset: str, version: int) -> dict[str, int | None]:
    """Move every channel that points to a withdrawn version back to where it leads now.

    Readers that know no withdrawals take the highest entry of a channel; this makes them right
    too. Returns the channels moved and where to; None for one that has nowhere to go back to, and
    still points there.
    """
    moved: dict[str, int | None] = {}
    for channel in channel_names(store, dataset):
        entries = _entries(store, dataset, channel)
        if _version_at(store, dataset, channel, entries[-1]) != version:
            continue
        try:
            target = read_channel(store, dataset, channel)
        except VersionYanked:
            moved[channel] = None
            continue
        if target is not None and move_channel(store, dataset, channel, target):
            moved[channel] = target
    return moved


def _entries(store: ObjectStore, dataset: str, channel: str) -> list[int]:
    if "/" in channel or channel in ("", ".", ".."):
        return []
    prefix = f"{dataset}/channels/{channel}/"
    return entries_of(key for key in store.list(prefix) if "/" not in key.removeprefix(prefix))


def _version_at(store: ObjectStore, dataset: str, channel: str, entry: int) -> int:
    entry_key = channel_key(dataset, channel, entry)
    return int(read_entry(store, entry_key, version=int)["version"])


def _all_yanked(uri: str, channel: str, withdrawn: dict[int, str]) -> VersionYanked:
    reasons = "; ".join(f"{version}: {reason}" for version, reason in withdrawn.items())
    return VersionYanked(
        f"every version that the channel {channel!r} of {uri} has pointed to is withdrawn "
        f"({reasons})",
        f"name a version by its number (`prefline versions {uri}`), or have a new one published",
    )
