"""The published version that a model is trained on, read in batches: rows are not kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.config import PublishParams
from prefline.errors import ObjectStoreError, TableError, VersionCorrupt
from prefline.project import Project
from prefline.releases import Location, read_manifest
from prefline.releases.manifest import PREFERENCE
from prefline.releases.transfer import verified_path
from prefline.stats import Bools, Ints
from prefline.storage.opening import EXPERIMENTS, project_store, store_of
from prefline.tables.joining import open_duckdb, rows_of_files
from prefline.tables.messages import Conversation, conversation_of, message_from_row
from prefline.tables.parts import open_parquet
from prefline.tables.schemas import has_turns
from prefline.tables.turns import published_rows

_SIDES = ("chosen", "rejected")
_ROWS_AT_ONCE = 1_024
_HASHES = "SELECT hash(prompt, chosen) AS chosen, hash(prompt, rejected) AS rejected FROM ({})"
_MEMORY_GB = 0.5  # of DuckDB


class Preferences:
    """Preferences in Parquet files, a version's or those of a table. Iterating reads the rows as
    dicts, with messages and tools as chat templates take them."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)

    @cached_property
    def _n_rows(self) -> int:
        return sum(pq.read_metadata(path).num_rows for path in self.files)

    def __len__(self) -> int:
        return self._n_rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (row for batch in self.batches() for row in _rows(batch))

    def batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield some columns, or all, in file order."""
        for path in self.files:
            with open_parquet(path) as file:
                yield from file.iter_batches(_ROWS_AT_ONCE, columns=columns)

    def columns(self, *names: str) -> pa.Table:
        """Return some columns, whole."""
        return pa.concat_tables(
            [pq.ParquetFile(path).read(columns=list(names)) for path in self.files]
        )

    @cached_property
    def conversations(self) -> Conversations:
        """Both sides of every pair as conversations, each different one once."""
        return Conversations.of(self)


@dataclass(frozen=True, slots=True)
class Conversations:
    """The different conversations of some preferences, in the order in which they first appear.
    Iterating reads them.

    `numbers`, shape `(pairs, 2)`, are those of each pair's chosen and rejected side; `is_first`, of
    the same shape, says where a conversation appears first.
    """

    preferences: Preferences
    numbers: Ints
    is_first: Bools

    @staticmethod
    def of(preferences: Preferences) -> Conversations:
        """Tell conversations apart by 64-bit hashes of their messages.

        Of four million different ones any two have the same hash with a chance of 4e-7.
        """
        hashes = _conversation_hashes(preferences)
        _, first, code = np.unique(hashes, return_index=True, return_inverse=True)
        number = np.empty(len(first), dtype=np.int64)
        number[np.argsort(first)] = np.arange(len(first))
        is_first = np.zeros(hashes.size, dtype=bool)
        is_first[first] = True
        numbers: Ints = number[code.ravel()].reshape(-1, 2)
        return Conversations(preferences, numbers, is_first.reshape(-1, 2))

    def __len__(self) -> int:
        return int(np.count_nonzero(self.is_first))

    def __iter__(self) -> Iterator[Conversation]:
        start = 0
        for batch in self.preferences.batches(["prompt", *_SIDES]):
            is_first = self.is_first[start : start + batch.num_rows]
            start += batch.num_rows
            wanted = np.flatnonzero(is_first.any(axis=1))
            for row, sides in zip(_rows(batch.take(wanted)), is_first[wanted], strict=True):
                for side, is_new in zip(_SIDES, sides.tolist(), strict=True):
                    if is_new:
                        yield conversation_of(row["prompt"], row[side])


def _conversation_hashes(preferences: Preferences) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return the hashes of each pair's two conversations, shape `(2 * pairs,)`, chosen first."""
    if not preferences.files:
        return np.empty(0, dtype=np.uint64)
    with open_duckdb(None, _MEMORY_GB) as (database, _):
        # Neither parameters nor `fetchnumpy`, for which DuckDB imports pandas.
        query = _HASHES.format(rows_of_files(preferences.files))
        hashes = database.execute(query).to_arrow_table()
    return np.stack([hashes[side].to_numpy() for side in _SIDES], axis=1).ravel()


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    rows = published_rows(batch)
    if has_turns(batch.schema):  # of a table inside, not of a version
        for row in rows:
            row |= {
                name: [message_from_row(turn) for turn in row[name]]
                for name in ("prompt", *_SIDES)
                if name in row
            }
    return rows


@dataclass(frozen=True, slots=True)
class Version:
    """A published version: `data` identifies it in `model.json`; its preferences by split."""

    data: dict[str, Any]
    splits: dict[str, Preferences]

    def rows(self, split: str) -> Preferences:
        """Return the preferences of a split, none where there is no such split."""
        return self.splits.get(split, Preferences([]))


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
        split: Preferences(
            [verified_path(location, item) for item in manifest.of(PREFERENCE, split)]
        )
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
