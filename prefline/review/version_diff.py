"""Two published versions row by row: what came, what went, and what changed of a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from prefline.project import Project
from prefline.releases import list_versions, locate, read_manifest
from prefline.releases.transfer import verified_path
from prefline.review.browse import PAGE_ROWS, Found
from prefline.storage import open_store
from prefline.tables.joining import open_duckdb, quoted

Row = dict[str, Any]

_MEMORY_GB = 1.0

KINDS = {
    "flipped": "chosen and rejected the other way round",
    "relabelled": "the label rests on another source",
    "moved": "in another split",
    "p_changed": "surer or less sure",
    "added": "in the new version alone",
    "removed": "in the old version alone",
}
# In this order: a row that changed in several ways is of the first.
_KIND = """
CASE WHEN old.pair_id IS NULL THEN 'added'
     WHEN new.pair_id IS NULL THEN 'removed'
     WHEN old.chosen_id <> new.chosen_id THEN 'flipped'
     WHEN old.label_source <> new.label_source THEN 'relabelled'
     WHEN old.split <> new.split THEN 'moved'
     WHEN abs(old.p_chosen - new.p_chosen) > 1e-9 THEN 'p_changed' END
"""
_COLUMNS = (
    "pair_id", "prompt_id", "category", "chosen_id", "chosen_model", "rejected_model", "p_chosen",
    "label_source", "split",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """The names of both versions, how many rows are of each kind, and a page of those asked for,
    in which `old` and `new` begin the names of columns."""

    old: str
    new: str
    counts: dict[str, int]
    found: Found


def latest_two(project: Project, store: str, dataset: str) -> tuple[str, str]:
    """Return the addresses of the newest two versions of a dataset; empty where there are none.

    Raises what the store raises.
    """
    uri = project.store_uri(store)
    names = [f"{uri}/{dataset}@{one}" for one in list_versions(open_store(uri), dataset)[-2:]]
    return (names[0], names[1]) if len(names) > 1 else ("", "")


def compare(old: str, new: str, kind: str = "", page: int = 1) -> VersionDiff:
    """Return the rows of two versions (`<store>/<dataset>@<V>`) that differ, of one `kind` or of
    all: the greatest change of p first.

    Raises `VersionNotFound`, `VersionCorrupt`, and what their stores raise.
    """
    names = []
    with open_duckdb(None, _MEMORY_GB) as (database, _):
        database.execute("SET threads = 2")
        for side, uri in (("old", old), ("new", new)):
            at = locate(uri)
            manifest = read_manifest(at)
            _view(database, side, [verified_path(at, one) for one in manifest.of("preference")])
            names.append(f"{at.uri}@{manifest.version}")
        columns = ", ".join(f"old.{one} AS old_{one}, new.{one} AS new_{one}" for one in _COLUMNS)
        database.execute(
            f"CREATE TEMP TABLE changed AS SELECT * FROM (SELECT {_KIND} AS kind, {columns} "
            "FROM old FULL JOIN new ON old.pair_id = new.pair_id) WHERE kind IS NOT NULL"
        )
        counted = database.execute("SELECT kind, count(*) FROM changed GROUP BY 1").fetchall()
        counts = {name: dict(counted).get(name, 0) for name in KINDS}
        rows = database.execute(
            "SELECT *, coalesce(new_pair_id, old_pair_id) AS pair_id, coalesce(new_prompt_id, "
            "old_prompt_id) AS prompt_id, coalesce(new_category, old_category) AS category "
            "FROM changed WHERE ? = '' OR kind = ? "
            "ORDER BY abs(coalesce(CASE WHEN kind = 'flipped' "
            "THEN old_p_chosen + new_p_chosen ELSE old_p_chosen - new_p_chosen END, 0)) DESC, "
            f"pair_id LIMIT {PAGE_ROWS} OFFSET {(page - 1) * PAGE_ROWS}",
            [kind, kind],
        ).to_arrow_table()
        found = rows.to_pylist()
        texts = _prompts(database, [row["pair_id"] for row in found])
    for row in found:
        row["text"] = texts.get(row["pair_id"], "")
    total = counts.get(kind, 0) if kind else sum(counts.values())
    return VersionDiff(names[0], names[1], counts, Found(found, total, page))


def _view(database: duckdb.DuckDBPyConnection, name: str, paths: Sequence[Path]) -> None:
    files = ", ".join(map(quoted, paths))
    database.execute(f"CREATE VIEW {name} AS FROM read_parquet([{files}])")


def _prompts(database: duckdb.DuckDBPyConnection, pairs: Sequence[str]) -> dict[str, str]:
    """Return the beginning of the last message before both answers."""
    if not pairs:
        return {}
    marks = ", ".join("?" * len(pairs))
    rows = database.execute(
        " UNION ".join(
            f"SELECT pair_id, prompt[-1].content[:240] FROM {side} WHERE pair_id IN ({marks})"
            for side in ("old", "new")
        ),
        [*pairs, *pairs],
    ).fetchall()
    return dict(rows)
