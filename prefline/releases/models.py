"""Trained models beside the dataset that they were trained on.

A model's name tells its content, so it is written once: its files first and its note last, with
which the model exists.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from prefline.errors import VersionCorrupt, VersionNotFound
from prefline.ids import sha256_of
from prefline.releases.layout import Location, model_key, read_entry
from prefline.releases.versions import list_versions
from prefline.storage import ObjectStore

NOTE = "model.json"  # as the stage `train` calls it
_FILE = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
_MODEL = re.compile(r"/models/([^/]+)/model\.json$")


def publish_model(store: ObjectStore, dataset: str, name: str, folder: Path) -> str:
    """Put the files of `folder` beside a dataset, and return the model's address; where they are
    already, nothing is written.

    Raises `ObjectDiffers` where another model of that name is there, and `ObjectStoreError`.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: path.name == NOTE):
        store.put_file(model_key(dataset, name, path.relative_to(folder).as_posix()), path)
    return f"{store.uri}/{dataset}/models/{name}"


def list_models(location: Location) -> list[dict[str, Any]]:
    """Return the notes of the models of a dataset, by name. Raises `ObjectStoreError`, and
    `VersionNotFound` where there is no dataset."""
    keys = location.store.list(f"{location.dataset}/models/")
    if not keys and not list_versions(location.store, location.dataset):
        raise VersionNotFound(
            f"there is no dataset at {location.uri}", "correct the URI, or publish a first version"
        )
    names = sorted(match[1] for key in keys if (match := _MODEL.search(key)))
    return [_read_note(location, name) for name in names]


def fetch_model(location: Location, name: str, target: Path) -> list[Path]:
    """Download a model to the folder `target`, its note last; what is there already is kept.

    Raises `VersionNotFound` if there is no such model, and `VersionCorrupt` where a file is not
    what the note says.
    """
    prefix = model_key(location.dataset, name, "")
    keys = location.store.list(prefix)
    if f"{prefix}{NOTE}" not in keys:
        raise VersionNotFound(
            f"{location.uri} has no model {name!r}",
            f"`prefline models {location.uri}` lists those there are",
        )
    hashes = _read_note(location, name)["files"]
    fetched = []
    for key in sorted(keys, key=lambda key: key.endswith(f"/{NOTE}")):
        file = key.removeprefix(prefix)
        if not _FILE.fullmatch(file):
            raise VersionCorrupt(
                f"{location.store.uri}/{key} is no file of a model: its name could lead out of the "
                "folder that it is downloaded to",
                "remove it from the store; Prefline has not put it there",
            )
        path = target / file
        if not path.is_file() or sha256_of(path) != hashes.get(file):
            path.parent.mkdir(parents=True, exist_ok=True)
            sha256 = location.store.download(key, path)
            # The card and the curve are described by the note, not hashed in it.
            if sha256 != hashes.get(file, sha256):
                raise VersionCorrupt(
                    f"{location.store.uri}/{key} is not the file that the model's note names",
                    "train it again, or take another model; somebody has changed the store by hand",
                )
        fetched.append(path)
    return fetched


def _read_note(location: Location, name: str) -> dict[str, Any]:
    key = model_key(location.dataset, name, NOTE)
    return read_entry(location.store, key, name=str, kind=str, data=dict, files=dict)
