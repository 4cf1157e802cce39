"""Finding a version: `URI@V`, where V is a number or a channel."""

from __future__ import annotations

from dataclasses import dataclass

from prefline.errors import VersionNotFound
from prefline.objects import ObjectMissing, ObjectStore, open_store
from prefline.releases.channels import channel_names, read_channel
from prefline.releases.layout import manifest_key, number_of
from prefline.releases.manifest import Manifest, decode

LATEST = "latest"


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


def locate(uri: str) -> Location:
    """Take `<store>/<dataset>@<V>` apart; without `@V` it is the channel `latest`.

    Raises `VersionNotFound` if there is no dataset in it.
    """
    where, _, wanted = uri.partition("@")
    store, _, dataset = where.rstrip("/").rpartition("/")
    if not store or not dataset or store.endswith("/"):
        raise VersionNotFound(
            f"{uri!r} names no dataset",
            "write <store>/<dataset>@<version>, such as store/demo@latest or s3://bucket/demo@3",
        )
    return Location(open_store(store), dataset, wanted or LATEST)


def list_versions(store: ObjectStore, dataset: str) -> list[int]:
    """The numbers of all versions, rising. A version exists once its manifest does."""
    numbers = (number_of(key) for key in store.list(f"{dataset}/versions/"))
    return sorted(number for number in numbers if number is not None)


def read_manifest(at: Location) -> Manifest:
    """The manifest of the version that was asked for.

    Raises `VersionNotFound` that names what there is, or `VersionCorrupt`.
    """
    number = _number(at)
    key = manifest_key(at.dataset, number)
    try:
        return decode(at.store.get(key), f"{at.store.uri}/{key}")
    except ObjectMissing as error:
        raise _not_found(at, f"has no version {number}") from error


def _number(at: Location) -> int:
    if at.wanted.isdigit():
        return int(at.wanted)
    number = read_channel(at.store, at.dataset, at.wanted)
    if number is None:
        raise _not_found(at, f"has no channel {at.wanted!r}")
    return number


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
