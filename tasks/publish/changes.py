"""What changed against the parent version, by the columns of ids alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.releases import Location, Manifest
from prefline.releases.transfer import verified_copy
from prefline.storage import ObjectStore

COLUMNS = ("pair_id", "chosen_id", "category")


def read_parent(store: ObjectStore, parent: Manifest, scratch: Path) -> pa.Table:
    """The columns of ids of the version's preferences, a file at a time.

    Raises `VersionCorrupt` if the store does not hold what the manifest says.
    """
    at, tables = Location(store, parent.dataset, str(parent.version)), []
    for one in parent.of("preference"):
        with verified_copy(at, one, scratch) as path:
            tables.append(pq.ParquetFile(path).read(columns=list(COLUMNS)))
    return pa.concat_tables(tables) if tables else pa.table({name: [] for name in COLUMNS})


def changes_between(before: pa.Table, after: pa.Table) -> dict[str, Any]:
    """Rows added, removed and flipped (chosen and rejected the other way round) in all, and by
    category; rows are the same if their `pair_id` is."""
    place = pc.index_in(_whole(after, "pair_id"), _whole(before, "pair_id"))
    kept = pc.is_valid(place)
    gone = pc.invert(pc.is_in(_whole(before, "pair_id"), _whole(after, "pair_id")))
    was = _whole(before, "chosen_id").take(place.drop_null())
    flipped = pc.not_equal(was, _whole(after, "chosen_id").filter(kept))
    found = {
        "added": _by_category(_whole(after, "category").filter(pc.invert(kept))),
        "removed": _by_category(_whole(before, "category").filter(gone)),
        "flipped": _by_category(_whole(after, "category").filter(kept).filter(flipped)),
    }
    names = sorted({name for counts in found.values() for name in counts})
    return {kind: sum(counts.values()) for kind, counts in found.items()} | {
        "categories": {
            name: {kind: counts.get(name, 0) for kind, counts in found.items()} for name in names
        }
    }


def _whole(table: pa.Table, name: str) -> Any:
    """A column as one array of plain strings."""
    return table[name].cast(pa.string()).combine_chunks()


def _by_category(values: Any) -> Mapping[str, int]:
    return Counter(values.to_pylist())
