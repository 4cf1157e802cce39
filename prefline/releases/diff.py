"""What changed between two versions, row by row."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.releases.manifest import PREFERENCE, Manifest
from prefline.releases.read import Location
from prefline.releases.transfer import fetch
from prefline.tables import texts

_COLUMNS = ["pair_id", "chosen_id", "p_chosen", "category", "split"]


@dataclass(frozen=True, slots=True)
class Diff:
    """Counts of pairs: `flipped` have chosen and rejected the other way round, `moved` are in
    another split, `p_changed` are neither but surer or less sure. `categories` gives the rows
    added and removed by category; `columns` what the schema gained and lost."""

    added: int
    removed: int
    kept: int
    flipped: int
    moved: int
    p_changed: int
    categories: dict[str, dict[str, int]]
    columns: dict[str, list[str]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def diff(at: Location, old: Manifest, new: Manifest, cache: Path) -> Diff:
    """Compare two versions of a dataset by `pair_id`, in Arrow."""
    before, after = (_read(at, manifest, cache) for manifest in (old, new))
    both = before.join(after, "pair_id", join_type="inner", right_suffix="_new")
    flips = pc.not_equal(both["chosen_id"], both["chosen_id_new"])
    p_moves = pc.not_equal(both["p_chosen"], both["p_chosen_new"])
    added = after.join(before.select(["pair_id"]), "pair_id", join_type="left anti")
    removed = before.join(after.select(["pair_id"]), "pair_id", join_type="left anti")
    return Diff(
        added=added.num_rows,
        removed=removed.num_rows,
        kept=both.num_rows,
        flipped=_count(flips),
        moved=_count(pc.not_equal(both["split"], both["split_new"])),
        p_changed=_count(pc.and_(p_moves, pc.invert(flips))),
        categories=_churn(added, removed),
        columns={
            "added": sorted(set(new.schema) - set(old.schema)),
            "removed": sorted(set(old.schema) - set(new.schema)),
        },
    )


def _read(at: Location, manifest: Manifest, cache: Path) -> pa.Table:
    tables = [
        pq.read_table(fetch(at, one, cache / f"{one.sha256}.parquet"), columns=_COLUMNS)
        for one in manifest.of(PREFERENCE)
    ]
    return pa.concat_tables(tables)


def _count(mask: Any) -> int:
    return int(pc.sum(mask).as_py() or 0)


def _churn(added: pa.Table, removed: pa.Table) -> dict[str, dict[str, int]]:
    churn: dict[str, dict[str, int]] = {}
    for word, table in (("added", added), ("removed", removed)):
        for category, count in Counter(texts(table, "category")).items():
            churn.setdefault(category, {"added": 0, "removed": 0})[word] = count
    return dict(sorted(churn.items()))
