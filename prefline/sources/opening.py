"""From a source of params to its rows, and what is to be noted of where they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefline.config import Source
from prefline.errors import InputError
from prefline.ids import sha256_of
from prefline.sources.bucket import fetch
from prefline.sources.columns import renamed
from prefline.sources.hub import HubData, read_hub, resolved
from prefline.sources.local import read_rows
from prefline.sources.row import Row
from prefline.sources.sql import read_sql


@dataclass(frozen=True, slots=True)
class Opened:
    """Rows to read once, and their origin: the address with the SHA-256 of each file, or the
    commit of a dataset on the Hub. Equal origins give equal rows."""

    rows: Iterator[Row]
    origin: Mapping[str, Any]


def open_source(source: Source, root: Path) -> Opened:
    """Open a source; a relative path is taken from the project at `root`. A file on S3 is fetched
    now; rows are read as they are asked for.

    Raises `InputError` for what cannot be found, and for a file whose hash is not the one that
    params name; the rows raise it for what cannot be read.
    """
    opened = _open(source, root)
    if not source.columns:
        return opened
    where = source.path or f"source {source.name!r}"
    return Opened(renamed(opened.rows, source.columns, where), opened.origin)


def work_folder(root: Path) -> Path:
    """Where files from elsewhere lie while they are read; may be deleted at any time."""
    return root / ".prefline" / "sources"


def _open(source: Source, root: Path) -> Opened:
    if source.sql is not None:
        files = {name: root / path for name, path in source.files.items()}
        rows = read_sql(source.name, source.sql, files, work_folder(root))
        return Opened(rows, {"sql": source.sql, "files": _hashes(source.files, root)})
    assert source.path is not None
    if source.path.startswith("hf://"):
        return _open_hub(source)
    if source.path.startswith("s3://"):
        path, found = fetch(source.path, work_folder(root))
    else:
        path = root / source.path
        found = _hash_of(path, "path")
    if source.sha256 not in (None, found):
        raise InputError(
            f"{source.path} is not the file that params name: its SHA-256 is {found}",
            f"look at what has changed, then set `sha256` of source {source.name!r} to that value",
        )
    return Opened(read_rows(path, _wanted(source)), {"path": source.path, "sha256": found})


def _open_hub(source: Source) -> Opened:
    assert source.path is not None
    data = HubData(
        source.path.removeprefix("hf://"),
        source.subset,
        source.split,
        source.revision,
        tuple(sorted(_wanted(source) or ())),
    )
    commit = resolved(data)
    origin = {"path": source.path, "subset": data.subset, "split": data.split, "revision": commit}
    # Read at that commit: between two requests a branch may move on.
    at = HubData(data.name, data.subset, data.split, commit or data.revision, data.columns)
    return Opened(read_hub(at), origin)


def _wanted(source: Source) -> set[str] | None:
    return set(source.columns.values()) or None


def _hashes(files: Mapping[str, str], root: Path) -> dict[str, str]:
    return {path: _hash_of(root / path, "files") for path in files.values()}


def _hash_of(path: Path, key: str) -> str:
    if not path.is_file():
        raise InputError(f"{path} does not exist", f"correct `{key}` of the source in params.yaml")
    return sha256_of(path)
