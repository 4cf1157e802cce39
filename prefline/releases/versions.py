"""Finding, reading and withdrawing a version: `URI@V`, where V is a number or a channel."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from prefline.errors import (
    DamagedWarning,
    DiskFull,
    FileError,
    OfflineWarning,
    StoreUnreachable,
    VersionCorrupt,
    VersionNotFound,
    VersionYanked,
    YankedWarning,
)
from prefline.releases.cache import VersionCache, is_offline
from prefline.releases.channels import channel_names, move_channels_off, read_channel
from prefline.releases.layout import Location, manifest_key, version_of
from prefline.releases.manifest import Manifest, decode
from prefline.releases.yanks import read_version_index, read_yank, require_version, unyank, yank
from prefline.storage import Entry, ObjectMissing, ObjectStore

_THREADS = 8
_LOG = logging.getLogger(__name__)


def list_versions(store: ObjectStore, dataset: str) -> list[int]:
    """Return the numbers of all versions, rising. A version exists once its manifest does."""
    return list(read_version_index(store, dataset).versions)


def intact_manifests(store: ObjectStore, dataset: str) -> list[Manifest]:
    """Return every version's manifest but damaged ones, of each of which a `DamagedWarning`
    tells: for those whom it must not stop."""
    results = read_manifests(store, dataset)
    for result in results:
        if isinstance(result, DamagedManifest):
            warnings.warn(DamagedWarning(result.error.problem), stacklevel=3)
    return [result for result in results if isinstance(result, Manifest)]


def newest_active_version(
    store: ObjectStore, dataset: str, among: Iterable[Manifest] | None = None
) -> Manifest | None:
    """Return the newest version that is not withdrawn, of all or `among` some; None if there is
    none."""
    manifests = intact_manifests(store, dataset) if among is None else list(among)
    for manifest in sorted(manifests, key=lambda manifest: -manifest.version):
        if read_yank(store, dataset, manifest.version) is None:
            return manifest
    return None


@dataclass(frozen=True, slots=True)
class DamagedManifest:
    """The manifest of a version that cannot be read: its bytes, and what is wrong with them."""

    version: int
    data: bytes
    error: VersionCorrupt


def read_manifests(store: ObjectStore, dataset: str) -> list[Manifest | DamagedManifest]:
    """Return every version's manifest, by rising number, or its bytes where it is damaged."""
    cache = VersionCache(store, dataset)

    def read(entry: Entry) -> Manifest | DamagedManifest:
        version = version_of(entry.key)
        assert version is not None
        cached = None if _is_local(store) else _decode_cached(cache.manifest(version, entry))
        if cached is not None:
            return cached
        data = store.get(entry.key)
        try:
            manifest = decode(data, f"{store.uri}/{entry.key}", version)
        except VersionCorrupt as error:
            return DamagedManifest(version, data, error)
        _keep(store, lambda: cache.keep_manifest(version, data, entry))
        return manifest

    listed = store.entries(f"{dataset}/versions/")
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(read, [entry for entry in listed if version_of(entry.key)]))


def read_manifest(location: Location) -> Manifest:
    """Return the manifest of the version that was asked for.

    A store that cannot be reached is not needed for a version that was read before; where a
    channel leads is then what was last seen, with an `OfflineWarning`. A version that was
    withdrawn can be read by its number, with a `YankedWarning`.

    Raises `VersionNotFound` that names what there is, `VersionYanked` if nothing is left of it,
    `VersionCorrupt`, or `StoreUnreachable` for what is not known here.
    """
    if is_offline() and not _is_local(location.store):
        return _read_cached(
            location, "PREFLINE_OFFLINE or one of Hugging Face's variables like it is set"
        )
    try:
        return _read_stored(location)
    except StoreUnreachable as error:
        try:
            return _read_cached(location, error.problem)
        except StoreUnreachable:
            raise error from None


def withdraw(location: Location, reason: str) -> tuple[int, dict[str, int | None]]:
    """Withdraw a version; return its number, and the channels that were moved away from it.

    The version must be named by its number: what a channel points to may change between the
    thought and the deed. Raises `VersionNotFound`, or `StoreUnwritable`.
    """
    number = _require_number(location)
    yank(location.store, location.dataset, number, reason)
    return number, move_channels_off(location.store, location.dataset, number)


def take_back(location: Location) -> tuple[int, bool]:
    """Take a withdrawal back; return the version's number, and whether there was one.

    Channels stay where they are. Raises `VersionNotFound`, or `VersionYanked` if its files are
    gone.
    """
    number = _require_number(location)
    return number, unyank(location.store, location.dataset, number)


def _require_number(location: Location) -> int:
    if not location.wanted.isdecimal():
        raise VersionNotFound(
            f"{location.uri}@{location.wanted} names a channel, not a version",
            f"name the version by its number: `prefline versions {location.uri}` lists them",
        )
    number = int(location.wanted)
    require_version(location.store, location.dataset, number)
    return number


def _read_stored(location: Location) -> Manifest:
    store, dataset, wanted = location.store, location.dataset, location.wanted
    number: int | None
    if wanted.isdecimal():
        number = int(wanted)
    else:
        number = read_channel(store, dataset, wanted)
        if number is None:
            raise _not_found(location, f"has no channel {wanted!r}")
    key = manifest_key(dataset, number)
    try:
        data = store.get(key)
    except ObjectMissing as error:
        raise _not_found(location, f"has no version {number}") from error
    manifest = decode(data, f"{store.uri}/{key}", number)
    _warn_if_yanked(location, number)
    cache = VersionCache(store, dataset)
    _keep(store, lambda: cache.keep_manifest(number, data))
    if not wanted.isdecimal():
        _keep(store, lambda: cache.keep_channel(wanted, number))
    return manifest


def _is_local(store: ObjectStore) -> bool:
    return store.local_path("any") is not None


def _keep(store: ObjectStore, keep: Callable[[], None]) -> None:
    """Cache something of a store that is not local; a cache that cannot be written is no reason
    not to read."""
    if _is_local(store):
        return
    try:
        keep()
    except (DiskFull, FileError) as error:
        _LOG.debug("what was read of %s is not kept: %s", store.uri, error.problem)


def _warn_if_yanked(location: Location, number: int) -> None:
    found = read_yank(location.store, location.dataset, number)
    if found is None:
        return
    message = f"{location.uri}@{number} was withdrawn on {found.at}: {found.reason}"
    if found.collected:
        raise VersionYanked(
            f"{message}; its files have been deleted since",
            f"take another version: `prefline versions {location.uri}`",
        )
    warnings.warn(YankedWarning(message), stacklevel=4)


def _read_cached(location: Location, why: str) -> Manifest:
    """Return what is known of a version without asking the store. Raises `StoreUnreachable`."""
    cache = VersionCache(location.store, location.dataset)
    number: int | None = None
    if location.wanted.isdecimal():
        number = int(location.wanted)
    elif seen := cache.channel(location.wanted):
        number = seen.version
        warnings.warn(
            OfflineWarning(
                f"{location.uri}@{location.wanted} is taken to be version {number}, as it was seen "
                f"on {seen.at}: the store is not asked ({why})"
            ),
            stacklevel=4,
        )
    manifest = None if number is None else _decode_cached(cache.manifest(number))
    if manifest is None:
        raise StoreUnreachable(
            f"{location.uri}@{location.wanted} was never read on this machine, and the store is "
            f"not asked ({why})",
            "read it once with the store at hand; or set PREFLINE_CACHE to the folder that has it, "
            "and AWS_ENDPOINT_URL to the S3 that it was read from",
        )
    return manifest


def _decode_cached(data: bytes | None) -> Manifest | None:
    """Return a manifest from the cache; None if there is none, or it was damaged there."""
    try:
        return None if data is None else decode(data, "in the cache")
    except VersionCorrupt:
        return None


def _not_found(location: Location, problem: str) -> VersionNotFound:
    versions = list_versions(location.store, location.dataset)
    if not versions:
        return VersionNotFound(
            f"there is no dataset at {location.uri}", "correct the URI, or publish a first version"
        )
    channels = ", ".join(channel_names(location.store, location.dataset)) or "none"
    return VersionNotFound(
        f"{location.uri} {problem}",
        f"there are the versions {versions[0]} to {versions[-1]} and the channels {channels}",
    )
