"""Getting a version's files, and checking every byte of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from prefline.errors import VersionCorrupt
from prefline.objects import ObjectMissing
from prefline.releases.folder_paths import folder_path
from prefline.releases.layout import card_key, object_key
from prefline.releases.manifest import DataFile, Manifest
from prefline.releases.read import Location


def fetch(at: Location, one: DataFile, target: Path) -> Path:
    """Download a data file to `target` unless it is there with the right bytes.

    Raises `VersionCorrupt` if what the store has is missing or not what the manifest says.
    """
    if target.is_file() and hash_of(target) == one.sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    key = object_key(at.dataset, one.sha256)
    try:
        at.store.download(key, target)
    except ObjectMissing as error:
        raise _corrupt(f"{at.store.uri}/{key} is missing") from error
    if hash_of(target) != one.sha256:
        target.unlink()
        raise _corrupt(f"{at.store.uri}/{key} does not have the bytes of its name")
    return target


def get(at: Location, manifest: Manifest, folder: Path) -> list[Path]:
    """Write a version into `folder`: its files as `folder_path` says, and its card as `README.md`,
    whose front matter names them."""
    paths: list[Path] = []
    counts: dict[tuple[str, str], int] = {}
    for one in manifest.files:
        number = counts.get((one.format, one.split), 0)
        counts[one.format, one.split] = number + 1
        paths.append(fetch(at, one, folder / folder_path(one.format, one.split, number)))
    card = folder / "README.md"
    card.write_bytes(at.store.get(card_key(at.dataset, manifest.version)))
    return [*paths, card]


def verify(at: Location, manifest: Manifest, scratch: Path) -> list[str]:
    """What is wrong with a version, byte for byte; empty if nothing is.

    `scratch` is a folder for one file at a time.
    """
    faults = []
    for one in manifest.files:
        try:
            fetch(at, one, scratch / "object.parquet").unlink()
        except VersionCorrupt as error:
            faults.append(error.problem)
    key = card_key(at.dataset, manifest.version)
    try:
        if hashlib.sha256(at.store.get(key)).hexdigest() != manifest.card_sha256:
            faults.append(f"{at.store.uri}/{key} is not the card that the manifest names")
    except ObjectMissing:
        faults.append(f"{at.store.uri}/{key} is missing")
    return faults


def hash_of(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _corrupt(problem: str) -> VersionCorrupt:
    return VersionCorrupt(
        problem,
        "take another version (`prefline versions`), or have this one published again",
    )
