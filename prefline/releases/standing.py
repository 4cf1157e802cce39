"""Which of a dataset's versions stand: are there, and not withdrawn."""

from __future__ import annotations

from collections.abc import Iterable

from prefline.releases.manifest import Manifest
from prefline.releases.read import sound_manifests
from prefline.releases.yanks import read_yank
from prefline.storage import ObjectStore


def newest_standing(
    store: ObjectStore, dataset: str, among: Iterable[Manifest] | None = None
) -> Manifest | None:
    """The newest version that is not withdrawn: of all, or of those given; None if none is."""
    found = sound_manifests(store, dataset) if among is None else list(among)
    for one in sorted(found, key=lambda manifest: -manifest.version):
        if read_yank(store, dataset, one.version) is None:
            return one
    return None
