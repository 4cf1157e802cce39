"""The changes between two versions: rows, labels, columns, and how good the labels are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.errors import VersionCorrupt
from prefline.releases.layout import Location
from prefline.releases.manifest import PREFERENCE, DataFile, Manifest
from prefline.releases.transfer import map_in_threads, verified_path
from prefline.tables.unpacking import check_unpacked

Array = npt.NDArray[Any]

_WORDS = ("chosen_id", "split", "label_source", "category", "source")
_EXAMPLES = 10
# The columns of a version all of whose files the other version has too.
_NO_WORD: Array = np.empty(0, dtype=np.str_)
_NOTHING: dict[str, Array] = {
    "pair_id": np.empty(0, dtype=np.bytes_),
    "chosen_id": np.empty(0, dtype=np.bytes_),
    "p_chosen": np.empty(0),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two versions: where it is, and its manifest."""

    location: Location
    manifest: Manifest

    @property
    def name(self) -> str:
        """`<store>/<dataset>@<number>`."""
        return f"{self.location.uri}@{self.manifest.version}"


@dataclass(frozen=True, slots=True)
class Diff:
    """Counts of pairs, by `pair_id`: of those kept, `flipped` have chosen and rejected the other
    way round, `moved` are in another split, `relabelled` rest on another source of labels, and
    `p_changed` are not flipped but surer or less sure.

    `categories` and `sources` give the pairs added, removed and flipped by category and source;
    `columns` what the schema gained, lost and retyped; `quality` the figures that differ, and
    `lists` the formats, models and judges that came and went; `flips` some flipped pairs.
    """

    old: str
    new: str
    major: tuple[int, int]
    added: int
    removed: int
    kept: int
    flipped: int
    moved: int
    relabelled: int
    p_changed: int
    categories: dict[str, dict[str, int]]
    sources: dict[str, dict[str, int]]
    columns: dict[str, list[str]]
    quality: dict[str, dict[str, float | None]]
    lists: dict[str, dict[str, list[str]]]
    flips: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as a dict, for JSON."""
        return asdict(self)


def diff(old: Side, new: Side, examples: int = _EXAMPLES) -> Diff:
    """Compare two versions, of one dataset or of two; a file that both have is not read.

    Takes about 200 bytes of memory a row. Raises what `verified_path` does.
    """
    same = {file.sha256 for file in old.manifest.of(PREFERENCE)} & {
        file.sha256 for file in new.manifest.of(PREFERENCE)
    }
    before, after = _read(old, same), _read(new, same)
    _, at_old, at_new = np.intersect1d(
        before["pair_id"], after["pair_id"], assume_unique=True, return_indices=True
    )
    differs = {name: before[name][at_old] != after[name][at_new] for name in before}
    flipped = differs["chosen_id"]
    removed, added = _others(before, at_old), _others(after, at_new)
    flips = {name: values[at_new][flipped] for name, values in after.items()}
    return Diff(
        old=old.name,
        new=new.name,
        major=(old.manifest.major, new.manifest.major),
        added=len(added["pair_id"]),
        removed=len(removed["pair_id"]),
        kept=len(at_old)
        + sum(file.rows for file in new.manifest.of(PREFERENCE) if file.sha256 in same),
        flipped=int(flipped.sum()),
        moved=int(differs["split"].sum()),
        relabelled=int(differs["label_source"].sum()),
        p_changed=int((differs["p_chosen"] & ~flipped).sum()),
        categories=_churn("category", added=added, removed=removed, flipped=flips),
        sources=_churn("source", added=added, removed=removed, flipped=flips),
        columns=_columns(old.manifest.schema, new.manifest.schema),
        quality=_figures_that_differ(old.manifest.quality, new.manifest.quality),
        lists={
            "formats": _came_and_went(old.manifest.formats, new.manifest.formats),
            **{
                name: _came_and_went(
                    old.manifest.lineage.get(name, ()), new.manifest.lineage.get(name, ())
                )
                for name in ("models", "judges")
            },
        },
        flips=_examples(before["p_chosen"][at_old][flipped], flips, examples),
    )


def _read(side: Side, same: set[str]) -> dict[str, Array]:
    """Read the columns that are compared, ids as arrays of bytes, probabilities as floats."""
    files = [file for file in side.manifest.of(PREFERENCE) if file.sha256 not in same]
    columns = ["pair_id", "p_chosen", *_WORDS]

    def read(file: DataFile) -> pa.Table:
        path = verified_path(side.location, file)
        check_unpacked(path, columns, f"{side.name}, {path.name}")
        return pq.ParquetFile(path, read_dictionary=list(_WORDS[1:])).read(
            columns, use_threads=False
        )

    parts = [_arrays(table) for table in map_in_threads(read, files)]
    rows = {
        name: np.concatenate([_NOTHING.get(name, _NO_WORD), *(part[name] for part in parts)])
        for name in columns
    }
    ids, counts = np.unique(rows["pair_id"], return_counts=True)
    if len(ids) < len(rows["pair_id"]):
        raise VersionCorrupt(
            f"{side.name} holds the pair {ids[counts > 1][0].decode()} more than once",
            "take another version; what Prefline publishes has each pair once",
        )
    return rows


def _arrays(table: pa.Table) -> dict[str, Array]:
    return {
        name: (
            table[name].to_numpy()
            if name == "p_chosen"
            else np.asarray(table[name].cast(pa.binary()).to_numpy(), dtype=np.bytes_)
            if name in ("pair_id", "chosen_id")
            else _words(table[name])
        )
        for name in table.column_names
    }


def _words(column: Any) -> Array:
    """Return a column of few different words as an array."""
    if not len(column):
        return np.empty(0, dtype=np.str_)
    encoded = column.unify_dictionaries().combine_chunks()
    words: Array = np.asarray(encoded.dictionary.to_pylist(), dtype=np.str_)
    column_words: Array = words[encoded.indices.to_numpy()]
    return column_words


def _others(rows: Mapping[str, Array], positions: Array) -> dict[str, Array]:
    rest = np.ones(len(rows["pair_id"]), dtype=bool)
    rest[positions] = False
    return {name: values[rest] for name, values in rows.items()}


def _churn(column: str, **parts: Mapping[str, Array]) -> dict[str, dict[str, int]]:
    churn: dict[str, dict[str, int]] = {}
    for word, rows in parts.items():
        for value, count in zip(*np.unique(rows[column], return_counts=True), strict=True):
            churn.setdefault(str(value), dict.fromkeys(parts, 0))[word] = int(count)
    return dict(sorted(churn.items()))


def _columns(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, list[str]]:
    both = sorted(set(old) & set(new))
    return {
        "added": sorted(set(new) - set(old)),
        "removed": sorted(set(old) - set(new)),
        "retyped": [
            f"{name}: {old[name]} -> {new[name]}" for name in both if old[name] != new[name]
        ],
    }


def _figures_that_differ(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> dict[str, dict[str, float | None]]:
    before, after = dict(_figures(old)), dict(_figures(new))
    return {
        name: {"old": before.get(name), "new": after.get(name)}
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }


def _figures(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a nested structure, under the words that lead to it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _figures(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value


def _came_and_went(old: Iterable[Any], new: Iterable[Any]) -> dict[str, list[str]]:
    before, after = set(map(str, old)), set(map(str, new))
    return {"added": sorted(after - before), "removed": sorted(before - after)}


def _examples(p_old: Array, flips: Mapping[str, Array], most: int) -> list[dict[str, Any]]:
    # Those that both versions were surest of are the ones to look at.
    order = np.argsort(-np.minimum(p_old, flips["p_chosen"]), kind="stable")[:most]
    return [
        {
            "pair_id": flips["pair_id"][n].decode(),
            "category": str(flips["category"][n]),
            "source": str(flips["source"][n]),
            "p_chosen": {"old": float(p_old[n]), "new": float(flips["p_chosen"][n])},
        }
        for n in order
    ]
