"""Compare a version with its parent: the rows that changed, and what a label means.

A reader who filters by `p_chosen`, or trains on labels of two versions, relies on labels of both
meaning the same: what judges were asked, and from where on an answer counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.config import Params
from prefline.errors import ParamsError
from prefline.ids import content_hash
from prefline.releases import Location, Manifest
from prefline.releases.manifest import PREFERENCE
from prefline.releases.transfer import verified_copy
from prefline.storage import ObjectStore
from prefline.tables import StoredTable
from prefline.tables.joining import Rows, duckdb_errors, offer, open_duckdb
from prefline.tables.parts import open_parquet
from tasks.publish.thinking import declared_formats, without_thinking

Meaning = Mapping[str, Any]


CHANGE_COLUMNS = ("pair_id", "chosen_id", "category")


def meaning_of(params: Params, asked: Mapping[str, Mapping[str, str]]) -> Meaning:
    """Return the questions that judges were asked (each once, with its method, whoever answered:
    another model that is asked the same changes nothing) and the thresholds of a label.

    `asked` is what the stage `judge` says of each judge: `method` and the hash of its `wording`,
    which holds instructions, criteria, principles, examples, ties and the verifiers' rules.
    """
    questions = {(one["method"], one["wording"]) for one in asked.values()}
    pair = params.pair
    meaning = {
        "questions": [{"method": m, "wording": wording} for m, wording in sorted(questions)],
        "thresholds": {
            "min_p_chosen": pair.min_p_chosen,
            "verifier_accuracy": pair.verifier_accuracy or "by kind of check",
            "review.human_accuracy": pair.review.human_accuracy,
        },
    }
    return meaning | {"fingerprint": content_hash(meaning)}


def refuse_breaks(
    parent: Manifest | None,
    formats: tuple[str, ...],
    meaning: Meaning,
    major: int,
    reasoning: str = "drop",
    *,
    has_tools: bool = False,
) -> None:
    """Raise `ParamsError` where a version would break readers of its parent and `major` does not
    say so: a format or column gone, a type changed, another meaning of a label."""
    if parent is None:
        return
    if major < parent.major:
        raise ParamsError(
            f"publish.major is {major}, and version {parent.version} is of major {parent.major}",
            f"set `publish.major: {parent.major}` in params.yaml",
        )
    found = []
    if major == parent.major:
        found = list(breaks(parent, formats, meaning, reasoning, has_tools=has_tools))
    if found:
        lines = "".join(f"\n  - {one}" for one in found)
        raise ParamsError(
            f"readers of {parent.dataset}@{parent.version} would be misled by this version:{lines}",
            f"set `publish.major: {parent.major + 1}` in params.yaml if that is meant",
        )


def breaks(
    parent: Manifest,
    formats: tuple[str, ...],
    meaning: Meaning,
    reasoning: str = "drop",
    *,
    has_tools: bool = False,
) -> Iterator[str]:
    """Yield each change that would mislead readers of the parent. Columns may be added, and so may
    `thinking` to messages where `reasoning` is kept."""
    declared = declared_formats(formats, reasoning, has_tools=has_tools)
    schemas = {one.name: one.schema for one in declared}
    for name in parent.formats:
        if name not in formats:
            yield f"the format {name} is gone"
            continue
        columns = {schema.name: _kind(str(schema.type)) for schema in schemas[name]}
        before = parent.schema if name == PREFERENCE else parent.schemas[name]
        for column, kind in ((column, _kind(kind)) for column, kind in before.items()):
            if column not in columns:
                yield f"{name}: the column {column} is gone"
            elif kind not in (columns[column], without_thinking(columns[column])):
                yield f"{name}: the column {column} was {kind} and is {columns[column]}"
    before_meaning = parent.lineage.get("meaning")
    if before_meaning and before_meaning["fingerprint"] != meaning["fingerprint"]:
        yield from _changes(before_meaning, meaning)


def _kind(kind: str) -> str:
    """Return a type as Parquet says it, which has a word of its own for the values of a list."""
    return kind.replace("<item: ", "<element: ")


def _changes(before: Meaning, after: Meaning) -> Iterator[str]:
    was, now = (_questions(one) for one in (before, after))
    for method, wording in sorted(was - now):
        yield f"judges are no longer asked: method {method}, wording {wording[:12]}"
    for method, wording in sorted(now - was):
        yield f"judges are newly asked: method {method}, wording {wording[:12]}"
    names = before["thresholds"].keys() | after["thresholds"].keys()
    for name in sorted(names):
        old, new = before["thresholds"].get(name), after["thresholds"].get(name)
        if old != new:
            yield f"pair.{name} was {old} and is {new}"


def _questions(meaning: Meaning) -> set[tuple[str, str]]:
    return {(question["method"], question["wording"]) for question in meaning["questions"]}


def read_parent(store: ObjectStore, parent: Manifest, scratch: Path) -> StoredTable:
    """Write the columns of ids of the version's preferences to `scratch`, a file at a time.

    Raises `VersionCorrupt` if the store does not hold what the manifest says.
    """
    at = Location(store, parent.dataset, str(parent.version))
    path = scratch / "parent.parquet"
    schema = pa.schema([(name, pa.string()) for name in CHANGE_COLUMNS])
    with pq.ParquetWriter(path, schema) as writer:
        for one in parent.of(PREFERENCE):
            with verified_copy(at, one, scratch) as copied, open_parquet(copied) as file:
                for batch in file.iter_batches(columns=list(CHANGE_COLUMNS)):
                    writer.write_table(pa.Table.from_batches([batch]).cast(schema))
    return StoredTable(path)


def changes_between(
    before: Rows, after: Rows, *, work: Path | None = None, memory_gb: float = 1.0
) -> dict[str, Any]:
    """Return rows added, removed and flipped (chosen and rejected the other way round) in all, and
    by category; rows are the same if their `pair_id` is."""
    with open_duckdb(work, memory_gb) as (connection, _), duckdb_errors():
        offer(connection, "before", before)
        offer(connection, "after", after)
        rows = connection.execute(
            """SELECT coalesce(a.category, b.category) AS category,
                count(*) FILTER (b.pair_id IS NULL), count(*) FILTER (a.pair_id IS NULL),
                count(*) FILTER (a.chosen_id <> b.chosen_id)
            FROM after a FULL JOIN before b ON a.pair_id = b.pair_id GROUP BY ALL ORDER BY ALL"""
        ).fetchall()
    kinds = ("added", "removed", "flipped")
    categories = {
        name: dict(zip(kinds, counts, strict=True)) for name, *counts in rows if any(counts)
    }
    totals = {kind: sum(one[kind] for one in categories.values()) for kind in kinds}
    return totals | {"categories": categories}
