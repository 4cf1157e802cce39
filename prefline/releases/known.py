"""The versions that a dataset has, as a publisher needs them: all manifests, and which stand."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from prefline.objects import ObjectStore
from prefline.releases.layout import manifest_key
from prefline.releases.manifest import Manifest, decode
from prefline.releases.read import list_versions

_AT_ONCE = 16


def manifests(store: ObjectStore, dataset: str) -> list[Manifest]:
    """Every version's manifest, by rising number, withdrawn ones too.

    Raises `VersionCorrupt` for one that is damaged.
    """

    def read(number: int) -> Manifest:
        key = manifest_key(dataset, number)
        return decode(store.get(key), f"{store.uri}/{key}")

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(read, sorted(set(list_versions(store, dataset)))))


def is_yanked(store: ObjectStore, dataset: str, number: int) -> bool:
    """Whether a version has been withdrawn."""
    return bool(store.list(f"{dataset}/versions/{number:06d}/yanked/"))


def newest_standing(
    store: ObjectStore, dataset: str, among: Iterable[Manifest] | None = None
) -> Manifest | None:
    """The newest version that is not withdrawn: of all, or of those given; None if none is."""
    found = manifests(store, dataset) if among is None else list(among)
    for one in sorted(found, key=lambda manifest: -manifest.version):
        if not is_yanked(store, dataset, one.version):
            return one
    return None
