"""Outputs of a stage as they were when a version was made of them, from DVC's local cache.

DVC keeps a file under its MD5, `files/md5/<2 digits>/<30 digits>`, and a folder as a listing
under an MD5 that ends in `.dir`: JSON of [{md5, relpath}].
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

import orjson
import yaml


def past_files(root: Path, path: str, md5: str) -> list[Path] | None:
    """Return the files of an output of the project at `root` that had this hash, sorted by their
    names in it; None if they are not all here.

    They are looked for in the cache, and in the workspace where `dvc.lock` names the same hash.
    """
    cache = _cache_folder(root)
    cached = _listed(cache, md5) if md5.endswith(".dir") else [_cached(cache, md5)]
    if cached and all(file.is_file() for file in cached):
        return cached
    if _locked(root).get(path) == md5:
        output = root / path
        files = sorted(file for file in output.rglob("*") if file.is_file()) or [output]
        return files if all(file.is_file() for file in files) else None
    return None


def _listed(cache: Path, md5: str) -> list[Path]:
    listing = _cached(cache, md5)
    if not listing.is_file():
        return []
    entries = orjson.loads(listing.read_bytes())
    tables = [entry for entry in entries if entry["relpath"].endswith(".parquet")]
    return [
        _cached(cache, entry["md5"]) for entry in sorted(tables, key=lambda entry: entry["relpath"])
    ]


def _cached(cache: Path, md5: str) -> Path:
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def _cache_folder(root: Path) -> Path:
    """Return `.dvc/cache`, or what DVC's configuration says; a relative path there is from
    `.dvc`."""
    config = configparser.ConfigParser(interpolation=None)
    config.read([root / ".dvc" / "config", root / ".dvc" / "config.local"], encoding="utf-8")
    return root / ".dvc" / Path(config.get("cache", "dir", fallback="cache")).expanduser()


def _locked(root: Path) -> Mapping[str, str]:
    """Return the hash of every output in `dvc.lock` by its path."""
    lock = root / "dvc.lock"
    if not lock.is_file():
        return {}
    stages = yaml.safe_load(lock.read_text(encoding="utf-8")).get("stages", {})
    return {
        output["path"]: output.get("md5", "")
        for stage in stages.values()
        for output in stage.get("outs", [])
    }
