"""Reading a version as a Hugging Face dataset, from a local cache by hash."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefline.releases.manifest import PREFERENCE
from prefline.releases.read import locate, read_manifest
from prefline.releases.transfer import fetch

if TYPE_CHECKING:
    from prefline.releases.manifest import Manifest


def load(
    uri: str,
    split: str | None = None,
    *,
    columns: list[str] | None = None,
    streaming: bool = False,
) -> Any:
    """A version of a dataset, such as `load("s3://bucket/demo@production", split="train")`.

    Gives a `datasets.Dataset` (an `IterableDataset` with `streaming`), or a dict of them by
    split where `split` is None. Files are kept by hash under the user's cache folder and
    checked on their way in, so each is fetched once.

    Raises `VersionNotFound`, `VersionCorrupt` or `ObjectStoreError`.
    """
    from datasets import load_dataset

    at = locate(uri)
    manifest = read_manifest(at)
    wanted = manifest.of(PREFERENCE, split)
    if not wanted:
        raise _no_split(uri, split, manifest)
    files: dict[str, list[str]] = {}
    for one in wanted:
        path = fetch(at, one, cache_folder() / "objects" / f"{one.sha256}.parquet")
        files.setdefault(one.split, []).append(str(path))
    return load_dataset(
        "parquet", data_files=files, split=split, columns=columns, streaming=streaming
    )


def cache_folder() -> Path:
    """`PREFLINE_CACHE`, or `prefline` under the user's cache folder."""
    given = os.environ.get("PREFLINE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(given) if given else Path(base) / "prefline"


def _no_split(uri: str, split: str | None, manifest: Manifest) -> Exception:
    from prefline.errors import VersionNotFound

    return VersionNotFound(
        f"{uri} has no split {split!r}", f"it has {', '.join(sorted(manifest.rows))}"
    )
