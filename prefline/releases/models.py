"""Trained models beside the dataset that they were trained on.

A model's name tells its content, so it is written once: its files first and its note last, with
which the model exists.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson

from prefline.errors import VersionCorrupt, VersionNotFound
from prefline.ids import sha256_of
from prefline.releases.layout import model_key
from prefline.releases.read import Location
from prefline.storage import ObjectStore

NOTE = "model.json"  # as the stage `train` calls it
_MODEL = re.compile(r"/models/([^/]+)/model\.json$")


def publish_model(store: ObjectStore, dataset: str, name: str, folder: Path) -> str:
    """Put the files of `folder` beside a dataset; where they are already, nothing is written. Gives
    the model's address.

    Raises `ObjectDiffers` where another model of that name is there, and `ObjectStoreError`.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda one: one.name == NOTE):
        store.put_file(model_key(dataset, name, path.relative_to(folder).as_posix()), path)
    return f"{store.uri}/{dataset}/models/{name}"


def list_models(at: Location) -> list[dict[str, Any]]:
    """The notes of the models of a dataset, by name. Raises `ObjectStoreError`."""
    keys = at.store.list(f"{at.dataset}/models/")
    names = sorted(found.group(1) for key in keys if (found := _MODEL.search(key)))
    return [_note(at, name) for name in names]


def fetch_model(at: Location, name: str, target: Path) -> list[Path]:
    """Download a model to the folder `target`, its note last; what is there already is kept.

    Raises `VersionNotFound` if there is no such model, and `VersionCorrupt` where a file is not
    what the note says.
    """
    prefix = model_key(at.dataset, name, "")
    keys = at.store.list(prefix)
    if f"{prefix}{NOTE}" not in keys:
        raise VersionNotFound(
            f"{at.uri} has no model {name!r}", f"`prefline models {at.uri}` lists those there are"
        )
    hashes = _note(at, name)["files"]
    fetched = []
    for key in sorted(keys, key=lambda one: one.endswith(f"/{NOTE}")):
        file = key.removeprefix(prefix)
        path = target / file
        if not path.is_file() or sha256_of(path) != hashes.get(file):
            path.parent.mkdir(parents=True, exist_ok=True)
            _check(at, key, at.store.download(key, path), hashes.get(file))
        fetched.append(path)
    return fetched


def _note(at: Location, name: str) -> dict[str, Any]:
    note: dict[str, Any] = orjson.loads(at.store.get(model_key(at.dataset, name, NOTE)))
    return note


def _check(at: Location, key: str, found: str, wanted: str | None) -> None:
    """The card and the curve are described by the note, not hashed in it."""
    if wanted is not None and found != wanted:
        raise VersionCorrupt(
            f"{at.store.uri}/{key} is not the file that the model's note names",
            "train it again, or take another model; somebody has changed the store by hand",
        )
