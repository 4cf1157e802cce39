"""Read the published version that a model is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.config import PublishParams
from prefline.errors import ObjectStoreError, TableError, VersionCorrupt
from prefline.project import Project
from prefline.releases import Location, read_manifest
from prefline.releases.manifest import PREFERENCE
from prefline.releases.transfer import verified_path
from prefline.storage.opening import EXPERIMENTS, project_store, store_of
from prefline.tables.turns import published_rows

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Version:
    """A published version: `data` identifies it in `model.json`; its preferences by split."""

    data: dict[str, Any]
    splits: dict[str, Rows]

    def rows(self, split: str) -> Rows:
        """Return the preferences of a split, none where there is no such split."""
        return self.splits.get(split, [])


def read_version(project: Project, params: PublishParams) -> Version:
    """Read the version that `data/release.json` names, each file checked by its hash.

    Raises `TableError` where nothing has been published, and `ObjectStoreError` where the store
    lacks what the note names.
    """
    note = _note(project)
    if note["store"] == EXPERIMENTS != store_of(params):
        raise TableError(
            "data/release.json names a version that an experiment published for itself alone",
            "publish it: `dvc repro --force --single-item publish`, then `dvc repro`",
        )
    location = Location(project_store(project, params), note["dataset"], str(note["version"]))
    manifest = read_manifest(location)
    if manifest.content != note["content"]:
        raise VersionCorrupt(
            f"{location.uri}@{location.wanted} is another version than the one that "
            "data/release.json names",
            "run `dvc repro publish`, which says which version this project's preferences are",
        )
    data = {name: note[name] for name in ("store", "dataset", "version", "content")}
    splits = {
        split: _rows([verified_path(location, item) for item in manifest.of(PREFERENCE, split)])
        for split in sorted(manifest.rows)
    }
    return Version(data, splits)


def _note(project: Project) -> dict[str, Any]:
    try:
        note: dict[str, Any] = orjson.loads(project.release.read_bytes())
    except FileNotFoundError as error:
        raise TableError(
            "nothing has been published: data/release.json is missing", "run `dvc repro publish`"
        ) from error
    except orjson.JSONDecodeError as error:
        raise ObjectStoreError(
            f"data/release.json cannot be read: {error}", "run `dvc repro --force publish`"
        ) from error
    return note


def _rows(paths: Sequence[Any]) -> Rows:
    tables = [pq.read_table(path) for path in paths]
    return published_rows(pa.concat_tables(tables)) if tables else []
