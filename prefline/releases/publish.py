"""Making a version: objects first, card next, manifest last, channel after."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from prefline.objects import ObjectStore
from prefline.releases.channels import move_channel
from prefline.releases.intents import announced
from prefline.releases.layout import card_key, manifest_key, object_key
from prefline.releases.manifest import PREFERENCE, DataFile, Manifest, decode
from prefline.releases.read import list_versions


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
    and what the manifest says of it (see `Manifest`)."""

    dataset: str
    files: Sequence[DraftFile]
    card: str
    license: str
    channel: str = "latest"
    lineage: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Release:
    """A published version; `created` is False where the same content was there already."""

    manifest: Manifest
    created: bool


def publish(store: ObjectStore, draft: Draft) -> Release:
    """Publish a draft as the next version and point its channel there.

    A reader sees the version once its manifest is there, which is last, so never half of it;
    killed anywhere, the same call goes on. Of two publishers at once each gets a number of
    its own. Content that the newest version has already makes no new one.

    Raises `StoreUnwritable`, `StoreUnsafe` or `ObjectStoreError`.
    """
    store.check_writable()
    files = tuple(_describe(one) for one in draft.files)
    newest = _newest(store, draft.dataset)
    manifest = _manifest(draft, files, newest)
    if newest is not None and newest.content == manifest.content:
        release = Release(newest, created=False)
    else:
        with announced(store, draft.dataset, [one.sha256 for one in files]):
            for one, drafted in zip(files, draft.files, strict=True):
                store.put_file(object_key(draft.dataset, one.sha256), drafted.path)
            release = _claim_number(store, draft, manifest)
    number = release.manifest.version
    move_channel(store, draft.dataset, draft.channel, number, forward_only=True)
    return release


def _describe(one: DraftFile) -> DataFile:
    with one.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return DataFile(
        split=one.split,
        sha256=sha256,
        bytes=one.path.stat().st_size,
        rows=pq.read_metadata(one.path).num_rows,
        format=one.format,
        ranges=one.ranges,
    )


def _newest(store: ObjectStore, dataset: str) -> Manifest | None:
    versions = list_versions(store, dataset)
    if not versions:
        return None
    key = manifest_key(dataset, versions[-1])
    return decode(store.get(key), f"{store.uri}/{key}")


def _manifest(draft: Draft, files: tuple[DataFile, ...], newest: Manifest | None) -> Manifest:
    schemas = {
        one.format: {column.name: str(column.type) for column in pq.read_schema(one.path)}
        for one in draft.files
    }
    return Manifest(
        dataset=draft.dataset,
        version=newest.version + 1 if newest else 1,
        parent=newest.version if newest else None,
        files=files,
        schema=schemas.pop(PREFERENCE, {}),
        schemas=schemas,
        card_sha256=hashlib.sha256(draft.card.encode()).hexdigest(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        license=draft.license,
        lineage=draft.lineage,
        validation=draft.validation,
        quality=draft.quality,
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
            there = manifest if created else decode(store.get(key), f"{store.uri}/{key}")
            if there.content == manifest.content:
                return Release(there, created)
        manifest = replace(manifest, version=number + 1)


def _claim(store: ObjectStore, key: str, card: bytes) -> bool:
    return store.put(key, card) or store.get(key) == card
