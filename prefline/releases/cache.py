"""A reader's cache: data files by hash, and what was last known of versions and channels.

<cache>/objects/<sha256>.parquet
<cache>/known/<store>/<dataset>/versions/<NNNNNN>.json    a manifest, with its time in the store
<cache>/known/<store>/<dataset>/channels/<name>.json      where a channel was last seen to lead

A bucket may have been emptied and filled anew under the same numbers. So the store is asked first,
where it can be; what is known here is for when it cannot, and for manifests that a listing shows
to be of the same time and size.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import orjson

from prefline.atomic import atomic_write
from prefline.ids import content_hash
from prefline.releases.layout import utc_now
from prefline.storage import Entry, ObjectStore

_OFFLINE = ("PREFLINE_OFFLINE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")


def is_offline() -> bool:
    """Tell whether a variable says that no store is to be asked: `PREFLINE_OFFLINE=1`, or one of
    those that say so to Hugging Face's libraries."""
    return any(os.environ.get(name, "").lower() in ("1", "true", "yes", "on") for name in _OFFLINE)


def cache_folder() -> Path:
    """Return `PREFLINE_CACHE`, or `prefline` under the user's cache folder."""
    if chosen := os.environ.get("PREFLINE_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")) / "prefline"


def cached_object(sha256: str) -> Path:
    """Return where a data file is kept."""
    return cache_folder() / "objects" / f"{sha256}.parquet"


@dataclass(frozen=True, slots=True)
class CachedChannel:
    """The version that a channel was seen to lead to, and when (UTC, ISO 8601)."""

    version: int
    at: str


class VersionCache:
    """The manifests and channels of one dataset that are known without asking its store."""

    def __init__(self, store: ObjectStore, dataset: str) -> None:
        store_hash = content_hash([store.identity])[:32]
        self._folder = cache_folder() / "known" / store_hash / dataset

    def manifest(self, version: int, listed: Entry | None = None) -> bytes | None:
        """Return a manifest as stored; None if none was read here, or not the one `listed`."""
        path = self._manifest(version)
        data = _read(path)
        if data is None or listed is None:
            return data
        same = len(data) == listed.bytes and path.stat().st_mtime == listed.modified.timestamp()
        return data if same else None

    def keep_manifest(self, version: int, data: bytes, listed: Entry | None = None) -> None:
        """Keep a manifest, as listed. Raises `DiskFull`, or `FileError` if it cannot be
        written."""
        _write(self._manifest(version), data)
        if listed is not None:
            modified = listed.modified.timestamp()
            os.utime(self._manifest(version), (modified, modified))

    def channel(self, name: str) -> CachedChannel | None:
        """Return where a channel was last seen to lead; None if it was never looked up here, or
        what was kept of it is damaged."""
        data = _read(self._channel(name))
        try:
            return None if data is None else CachedChannel(**orjson.loads(data))
        except (orjson.JSONDecodeError, TypeError):
            return None

    def keep_channel(self, name: str, version: int) -> None:
        """Keep where a channel leads now. Raises what `keep_manifest` does."""
        _write(self._channel(name), orjson.dumps({"version": version, "at": utc_now()}))

    def _manifest(self, version: int) -> Path:
        return self._folder / "versions" / f"{version:06d}.json"

    def _channel(self, name: str) -> Path:
        return self._folder / "channels" / f"{name}.json"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:  # a cache that cannot be read knows nothing
        return None


def _write(path: Path, data: bytes) -> None:
    if _read(path) != data:
        with atomic_write(path) as file:
            file.write(data)
