"""Making a version: objects first, card next, manifest last, channel after."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from prefline.ids import sha256_of
from prefline.releases.channels import move_channel
from prefline.releases.gc import declared_intent
from prefline.releases.layout import card_key, manifest_key, object_key, utc_now
from prefline.releases.manifest import PREFERENCE, DataFile, Manifest, decode
from prefline.releases.versions import intact_manifests, newest_active_version
from prefline.storage import ObjectStore

_FILES_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class DraftFile:
    """One Parquet file of a draft; see `DataFile`."""

    split: str
    path: Path
    format: str = PREFERENCE
    ranges: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """A version before it has a number: its Parquet files, its dataset card without the number,
    and what the manifest says of it (see `Manifest`). `parent` is what it was compared with;
    if None, the newest version that is not withdrawn."""

    dataset: str
    files: Sequence[DraftFile]
    card: str
    license: str
    channel: str = "latest"
    parent: int | None = None
    lineage: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    major: int = 1
    recipe: str | None = None
    forced: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """A published version; `created` is False where the same content was there already."""

    manifest: Manifest
    created: bool


def publish(store: ObjectStore, draft: Draft) -> Release:
    """Publish a draft as the next version and point its channel there.

    A reader sees the version once its manifest is there, which is last, so never half of it;
    killed anywhere, the same call goes on. Of two publishers at once each gets a number of
    its own. Content that a version of the same major has already makes no new one: the channel then
    points back to that version, unless it has been withdrawn.

    Raises `StoreUnwritable`, `StoreUnsafe` or `ObjectStoreError`.
    """
    store.check_writable()
    known = intact_manifests(store, draft.dataset)
    manifest = _manifest(store, draft, known)
    same = [
        other for other in known if other.content == manifest.content and other.major == draft.major
    ]
    if existing := _reusable(store, same, draft.forced):
        return _point_to(store, draft.channel, existing)
    keys = [object_key(draft.dataset, file.sha256) for file in manifest.files]
    with declared_intent(store, draft.dataset, {file.sha256 for file in manifest.files}):
        with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
            list(pool.map(store.put_file, keys, [file.path for file in draft.files]))
        release = _claim_number(store, draft, manifest)
    move_channel(
        store, draft.dataset, draft.channel, release.manifest.version, forward_only=True
    )  # a version that is newer still is not turned back by one that took longer
    return release


@dataclass(frozen=True, slots=True)
class PublishTarget:
    """The version that a publisher is about to make; see `Manifest`."""

    dataset: str
    channel: str
    recipe: str
    major: int = 1
    forced: Mapping[str, Any] | None = None


def republish(store: ObjectStore, target: PublishTarget) -> Release | None:
    """Point the channel to a version that was made by this recipe; return None if there is none.

    A version for which validation was overruled counts for one who does so too, and for nobody
    else, so that what did not pass always says so.
    """
    same = [
        manifest
        for manifest in intact_manifests(store, target.dataset)
        if (manifest.recipe, manifest.major) == (target.recipe, target.major)
    ]
    existing = _reusable(store, same, target.forced)
    return _point_to(store, target.channel, existing) if existing else None


def _reusable(
    store: ObjectStore, same: Sequence[Manifest], forced: Mapping[str, Any] | None
) -> Manifest | None:
    fitting = [manifest for manifest in same if (manifest.forced is None) == (forced is None)]
    return newest_active_version(store, fitting[0].dataset, fitting) if fitting else None


def _point_to(store: ObjectStore, channel: str, manifest: Manifest) -> Release:
    move_channel(store, manifest.dataset, channel, manifest.version)
    return Release(manifest, created=False)


def _describe(file: DraftFile) -> DataFile:
    return DataFile(
        split=file.split,
        sha256=sha256_of(file.path),
        bytes=file.path.stat().st_size,
        rows=pq.read_metadata(file.path).num_rows,
        format=file.format,
        ranges=file.ranges,
    )


def _manifest(store: ObjectStore, draft: Draft, known: Sequence[Manifest]) -> Manifest:
    schemas = {
        file.format: {column.name: str(column.type) for column in pq.read_schema(file.path)}
        for file in draft.files
    }
    parent = draft.parent
    if parent is None and (newest := newest_active_version(store, draft.dataset, known)):
        parent = newest.version
    return Manifest(
        dataset=draft.dataset,
        version=known[-1].version + 1 if known else 1,
        parent=parent,
        files=tuple(_describe(file) for file in draft.files),
        schema=schemas.pop(PREFERENCE, {}),
        schemas=schemas,
        card_sha256=hashlib.sha256(draft.card.encode()).hexdigest(),
        created_at=utc_now(),
        license=draft.license,
        lineage=draft.lineage,
        validation=draft.validation,
        quality=draft.quality,
        changes=draft.changes,
        left_out=draft.left_out,
        major=draft.major,
        recipe=draft.recipe,
        forced=draft.forced,
    )


def _claim_number(store: ObjectStore, draft: Draft, manifest: Manifest) -> Release:
    """Take the first free number from the manifest's own on.

    The card claims it: who finds another's card there takes the next number, so that card
    and manifest of a version are always by one publisher. Only a publisher that died in
    between leaves a gap. One that published the very same card may finish our version; then
    it is there, and ours.
    """
    while True:
        number = manifest.version
        if _claim(store, card_key(draft.dataset, number), draft.card.encode()):
            key = manifest_key(draft.dataset, number)
            created = store.put(key, manifest.encode())
            stored = manifest if created else decode(store.get(key), f"{store.uri}/{key}")
            if stored.content == manifest.content:
                return Release(stored, created)
        manifest = replace(manifest, version=number + 1)


def _claim(store: ObjectStore, key: str, card: bytes) -> bool:
    return store.put(key, card) or store.get(key) == card
