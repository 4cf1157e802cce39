"""The manifest of a version: its files by hash, its schema, and where it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Annotated, Any, ClassVar

import orjson
from annotated_types import Ge, Le, MaxLen

from prefline.errors import ObjectStoreError, VersionCorrupt
from prefline.ids import content_hash

FORMAT = 2
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

# A manifest may come from a store that others write: names become paths, numbers are added up.
Count = Annotated[int, Ge(0), Le(2**62)]
Word = Annotated[str, MaxLen(1_000)]
_STRICT = {"strict": True, "extra": "forbid"}
PREFERENCE = "preference"
"""The format that every version has, and whose files older manifests name without a format."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet object: its split, SHA-256 (64 hex digits), size in bytes, rows, and format.

    A split of a format is its files in their order. `ranges` gives the smallest and largest
    value of columns that readers filter on, so that a filter can pass over a whole file.
    """

    split: str
    sha256: str
    bytes: Count
    rows: Count
    format: str = PREFERENCE
    ranges: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    __pydantic_config__: ClassVar = _STRICT

    def __post_init__(self) -> None:
        """Raise `ValueError` for a name or a hash that is none: they become paths and keys."""
        for what, name in (("split", self.split), ("format", self.format)):
            if not _NAME.fullmatch(name):
                raise ValueError(f"the {what} {name[:80]!r} is no name of letters, digits, . _ -")
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"the hash {self.sha256[:80]!r} is no SHA-256 in hex digits")


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is known of a version. `schema` gives each column of the format
    `preference` its type, `schemas` those of other formats by name.

    `parent` is the version that this one was compared with as it was made, and `changes` what
    that found; `major` rises where the schema or the meaning of a label changes. `recipe` is a
    hash of all that the files were made from, so that what was published once need not be
    written again to be known. `left_out` counts, by format and reason, what a format does not hold
    although the preferences do. `forced` is there where validation was overruled: the reason,
    what had failed, and when.

    `lineage` holds the git commit, the hashes of `dvc.lock` by stage, params, models and
    judges, cost and tokens; `quality` the label-quality figures with their intervals;
    `validation` the result of the stage; `created_at` is UTC, ISO 8601.
    """

    dataset: Word
    version: Annotated[int, Ge(1), Le(10**9)]
    parent: Count | None
    files: tuple[DataFile, ...]
    schema: Mapping[str, str]
    card_sha256: Word
    created_at: Word
    license: Word
    lineage: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    schemas: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    major: Count = 1
    recipe: str | None = None
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    forced: Mapping[str, Any] | None = None
    format: Count = FORMAT
    __pydantic_config__: ClassVar = _STRICT

    def __post_init__(self) -> None:
        """Raise `ValueError` where it is said to be forced and not why."""
        if self.forced is not None and not isinstance(self.forced.get("reason"), str):
            raise ValueError("`forced` gives no reason")

    @property
    def content(self) -> str:
        """Hash of what a reader gets: splits, files and schema, but not when or by whom."""
        files = sorted((file.split, file.sha256) for file in self.of(PREFERENCE))
        others = sorted(
            (file.format, file.split, file.sha256)
            for file in self.files
            if file.format != PREFERENCE
        )
        # Without other formats it is the hash that manifests of format 1 have.
        return content_hash([files, dict(self.schema), *([others] if others else [])])

    def of(self, name: str, split: str | None = None) -> tuple[DataFile, ...]:
        """Return the files of one format, all of them or those of one split, in their order."""
        return tuple(
            file for file in self.files if file.format == name and split in (None, file.split)
        )

    @property
    def formats(self) -> list[str]:
        """The formats that there are, `preference` first."""
        return sorted(
            {file.format for file in self.files}, key=lambda name: (name != PREFERENCE, name)
        )

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each split, in the format `preference`."""
        counts: dict[str, int] = {}
        for file in self.of(PREFERENCE):
            counts[file.split] = counts.get(file.split, 0) + file.rows
        return counts

    def encode(self) -> bytes:
        """Return the manifest as it is stored."""
        data = asdict(self) | {"rows": self.rows, "content": self.content}
        return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def decode(data: bytes, where: str, version: int | None = None) -> Manifest:
    """Read a stored manifest, of this format or an older one; `where` names it for messages, and
    `version` is the one that it was stored under, where that is known.

    Raises `VersionCorrupt` if it is none, and `ObjectStoreError` if it is of a newer format.
    """
    from pydantic import ValidationError

    try:
        fields = orjson.loads(data)
        written = fields["format"]
        if isinstance(written, int) and written > FORMAT:
            raise ObjectStoreError(
                f"the manifest {where} is of format {written}, newer than this program",
                "install a newer version of prefline",
            )
        content, _ = fields.pop("content"), fields.pop("rows")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise _corrupt(where, f"it cannot be read: {error!r}") from error
    try:
        manifest: Manifest = _reader().validate_json(orjson.dumps(fields))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in fault["loc"])
        raise _corrupt(where, f"{name}: {fault['msg']}") from error
    if version not in (None, manifest.version):
        raise _corrupt(where, f"it is that of version {manifest.version}")
    if manifest.content != content:
        raise _corrupt(where, "its files or schema are not those that it was made for")
    return manifest


def commit_words(lineage: Mapping[str, Any]) -> str:
    """Return the commit of a lineage in words, such as "git 1a2b3c with changes"; where it is not
    known, why."""
    if lineage.get("git_commit") is None:
        return f"git unknown ({lineage.get('git_unknown') or 'no commit is named'})"
    return f"git {lineage['git_commit']}{' with changes' if lineage.get('git_dirty') else ''}"


@cache
def _reader() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Manifest)


def _corrupt(where: str, why: str) -> VersionCorrupt:
    return VersionCorrupt(
        f"the manifest {where} is damaged: {why}",
        "take an older version, or publish again; somebody has changed the store by hand",
    )
