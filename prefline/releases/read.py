"""Finding a version: `URI@V`, where V is a number or a channel."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
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
from prefline.releases.cache import Known, is_offline
from prefline.releases.channels import channel_names, read_channel
from prefline.releases.layout import manifest_key, version_of
from prefline.releases.manifest import Manifest, decode
from prefline.releases.yanks import read_shelf, read_yank
from prefline.storage import Entry, ObjectMissing, ObjectStore, StoreOptions, open_store

LATEST = "latest"
_THREADS = 8
_LOG = logging.getLogger(__name__)


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
    """Take `<store>/<dataset>@<V>` apart; without `@V` it is the channel `latest`.

    Raises `VersionNotFound` if there is no dataset in it.
    """
    where, _, wanted = uri.rpartition("@")
    if not where or "/" in wanted:  # of the store's address, if of anything
        where, wanted = uri, ""
    store, _, dataset = where.rstrip("/").rpartition("/")
    if not store or store.endswith("/") or dataset in ("", ".", "..") or "@" in dataset:
        raise VersionNotFound(
            f"{uri!r} names no dataset",
            "write <store>/<dataset>@<version>, such as store/demo@latest or s3://bucket/demo@3",
        )
    return Location(open_store(store, options or StoreOptions()), dataset, wanted or LATEST)


def list_versions(store: ObjectStore, dataset: str) -> list[int]:
    """The numbers of all versions, rising. A version exists once its manifest does."""
    return list(read_shelf(store, dataset).versions)


def all_manifests(store: ObjectStore, dataset: str) -> list[Manifest]:
    """Every version's manifest, by rising number, withdrawn ones too; those that were read before
    come from the cache. Raises `VersionCorrupt` for one that is damaged."""
    found = _manifests(store, dataset)
    for one in found:
        if isinstance(one, VersionCorrupt):
            raise one
    return [one for one in found if isinstance(one, Manifest)]


def sound_manifests(store: ObjectStore, dataset: str) -> list[Manifest]:
    """`all_manifests` for those whom a damaged one must not stop: it is left out, with a
    `DamagedWarning`."""
    found = _manifests(store, dataset)
    for one in found:
        if isinstance(one, VersionCorrupt):
            warnings.warn(DamagedWarning(one.problem), stacklevel=3)
    return [one for one in found if isinstance(one, Manifest)]


def _manifests(store: ObjectStore, dataset: str) -> list[Manifest | VersionCorrupt]:
    known = Known(store, dataset)

    def read(entry: Entry) -> Manifest | VersionCorrupt:
        version = version_of(entry.key)
        assert version is not None
        kept = None if _is_here(store) else _kept(known.manifest(version, entry))
        if kept is not None:
            return kept
        data = store.get(entry.key)
        try:
            manifest = decode(data, f"{store.uri}/{entry.key}")
        except VersionCorrupt as error:
            return error
        _keep(store, lambda: known.keep_manifest(version, data, entry))
        return manifest

    listed = store.entries(f"{dataset}/versions/")
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(read, [one for one in listed if version_of(one.key)]))


def read_manifest(at: Location) -> Manifest:
    """The manifest of the version that was asked for.

    A store that cannot be reached is not needed for a version that was read before; where a
    channel leads is then what was last seen, with an `OfflineWarning`. A version that was
    withdrawn can be read by its number, with a `YankedWarning`.

    Raises `VersionNotFound` that names what there is, `VersionYanked` if nothing is left of it,
    `VersionCorrupt`, or `StoreUnreachable` for what is not known here.
    """
    if is_offline() and not _is_here(at.store):
        return _known(at, "PREFLINE_OFFLINE or one of Hugging Face's variables like it is set")
    try:
        return _asked(at)
    except StoreUnreachable as error:
        try:
            return _known(at, error.problem)
        except StoreUnreachable:
            raise error from None


def _asked(at: Location) -> Manifest:
    number = _number(at)
    try:
        data = at.store.get(manifest_key(at.dataset, number))
    except ObjectMissing as error:
        raise _not_found(at, f"has no version {number}") from error
    manifest = decode(data, f"{at.store.uri}/{manifest_key(at.dataset, number)}")
    _tell_if_yanked(at, number)
    known = Known(at.store, at.dataset)
    _keep(at.store, lambda: known.keep_manifest(number, data))
    if not at.wanted.isdecimal():
        _keep(at.store, lambda: known.keep_channel(at.wanted, number))
    return manifest


def _is_here(store: ObjectStore) -> bool:
    return store.local_path("any") is not None


def _keep(store: ObjectStore, keep: Callable[[], None]) -> None:
    """Know something from now on of a store that is not here; a cache that cannot be written is
    no reason not to read."""
    if _is_here(store):
        return
    try:
        keep()
    except (DiskFull, FileError) as error:
        _LOG.debug("what was read of %s is not kept: %s", store.uri, error.problem)


def _number(at: Location) -> int:
    if at.wanted.isdecimal():
        return int(at.wanted)
    number = read_channel(at.store, at.dataset, at.wanted)
    if number is None:
        raise _not_found(at, f"has no channel {at.wanted!r}")
    return number


def _tell_if_yanked(at: Location, number: int) -> None:
    found = read_yank(at.store, at.dataset, number)
    if found is None:
        return
    what = f"{at.uri}@{number} was withdrawn on {found.at}: {found.reason}"
    if found.collected:
        raise VersionYanked(
            f"{what}; its files have been deleted since",
            f"take another version: `prefline versions {at.uri}`",
        )
    warnings.warn(YankedWarning(what), stacklevel=4)


def _known(at: Location, why: str) -> Manifest:
    """What is known of a version without asking the store. Raises `StoreUnreachable`."""
    known = Known(at.store, at.dataset)
    number: int | None = None
    if at.wanted.isdecimal():
        number = int(at.wanted)
    elif seen := known.channel(at.wanted):
        number = seen.version
        warnings.warn(
            OfflineWarning(
                f"{at.uri}@{at.wanted} is taken to be version {number}, as it was seen on "
                f"{seen.at}: the store is not asked ({why})"
            ),
            stacklevel=4,
        )
    manifest = None if number is None else _kept(known.manifest(number))
    if manifest is None:
        raise StoreUnreachable(
            f"{at.uri}@{at.wanted} was never read on this machine, and the store is not asked "
            f"({why})",
            "read it once with the store at hand; or set PREFLINE_CACHE to the folder that has it, "
            "and AWS_ENDPOINT_URL to the S3 that it was read from",
        )
    return manifest


def _kept(data: bytes | None) -> Manifest | None:
    """A manifest from the cache; None if there is none, or it was damaged there."""
    try:
        return None if data is None else decode(data, "in the cache")
    except VersionCorrupt:
        return None


def _not_found(at: Location, what: str) -> VersionNotFound:
    versions = list_versions(at.store, at.dataset)
    if not versions:
        return VersionNotFound(
            f"there is no dataset at {at.uri}", "correct the URI, or publish a first version"
        )
    channels = ", ".join(channel_names(at.store, at.dataset)) or "none"
    return VersionNotFound(
        f"{at.uri} {what}",
        f"there are the versions {versions[0]} to {versions[-1]} and the channels {channels}",
    )
