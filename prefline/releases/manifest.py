"""What a version is: its files by hash, its schema, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from prefline.errors import VersionCorrupt
from prefline.ids import content_hash

FORMAT = 1


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet object of a split: its SHA-256 (64 hex digits), size in bytes, and rows."""

    split: str
    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is known of a version. `schema` gives each column its type.

    `lineage` holds the git commit, the hashes of `dvc.lock` by stage, params, models and
    judges, cost and tokens; `quality` the label-quality figures with their intervals;
    `validation` the result of the stage; `created_at` is UTC, ISO 8601.
    """

    dataset: str
    version: int
    parent: int | None
    files: tuple[DataFile, ...]
    schema: Mapping[str, str]
    card_sha256: str
    created_at: str
    license: str
    lineage: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def content(self) -> str:
        """Hash of what a reader gets: splits, files and schema, but not when or by whom."""
        files = sorted((one.split, one.sha256) for one in self.files)
        return content_hash([files, dict(self.schema)])

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each split."""
        counts: dict[str, int] = {}
        for one in self.files:
            counts[one.split] = counts.get(one.split, 0) + one.rows
        return counts

    def encode(self) -> bytes:
        """As stored."""
        data = asdict(self) | {"rows": self.rows, "content": self.content}
        return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def decode(data: bytes, where: str) -> Manifest:
    """A stored manifest. Raises `VersionCorrupt` if it is none; `where` names it."""
    try:
        found = orjson.loads(data)
        stated = found.pop("content")
        found.pop("rows")
        files = tuple(DataFile(**one) for one in found.pop("files"))
        manifest = Manifest(files=files, **found)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise _corrupt(where, f"it cannot be read: {error!r}") from error
    if manifest.content != stated:
        raise _corrupt(where, "its files or schema are not those that it was made for")
    return manifest


def _corrupt(where: str, why: str) -> VersionCorrupt:
    return VersionCorrupt(
        f"the manifest {where} is damaged: {why}",
        "take an older version, or publish again; somebody has changed the store by hand",
    )
