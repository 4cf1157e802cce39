"""The tokens and cost of the calls behind a table, counted without holding the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables import StoredTable, iter_batches
from prefline.tables.joining import Rows, batches_of, duckdb_errors, offer, open_duckdb

_CHARGES = ("input_tokens", "output_tokens", "cost_usd")
_KEY = "request_key"
Cost = dict[str, float]


@dataclass(frozen=True, slots=True)
class Costs:
    """The calls, tokens and USD of one stage: in all, and of each name that occurs, 0 for one
    whose rows were inputs elsewhere."""

    total: Cost
    by_name: Mapping[str, Cost]


def read_costs(
    table: Path, name: str, rejections: Path | None = None, *, work: Path, memory_gb: float
) -> Costs:
    """Return the costs of the rows of a table by its column `name`; see `costs_of`. Those of
    `rejections` that were paid for all the same are in the total."""
    costs = costs_of(StoredTable(table), name, work=work, memory_gb=memory_gb)
    if rejections is None or not rejections.is_file():  # as in projects made elsewhere
        return costs
    calls, spent = 0, 0.0
    for batch in iter_batches(rejections, columns=[_KEY, "cost_usd"]):
        paid = batch.filter(pc.is_valid(batch[_KEY]))
        calls += paid.num_rows
        spent += _sum(paid["cost_usd"])
    total = costs.total | {
        "calls": costs.total["calls"] + calls,
        "cost_usd": costs.total["cost_usd"] + spent,
    }
    return Costs(total, costs.by_name)


def costs_of(rows: Rows, name: str, *, work: Path | None = None, memory_gb: float = 1.0) -> Costs:
    """Return what the pipeline's own calls took; what was called elsewhere and imported is none of
    them. What does not fit into `memory_gb` is put into `work`."""
    names, total = set[str](), Counter[str]()
    spent: dict[str, Counter[str]] = {}
    for batch in batches_of(rows, [name, _KEY, *_CHARGES]):
        names.update(map(str, pc.unique(batch[name]).to_pylist()))
        called = pa.Table.from_batches([batch]).filter(pc.is_valid(batch[_KEY]))
        total.update({charge: _sum(called[charge]) for charge in _CHARGES})
        sums = called.group_by(name, use_threads=False).aggregate([(c, "sum") for c in _CHARGES])
        for row in sums.to_pylist():
            of_name = spent.setdefault(row[name], Counter())
            of_name.update({charge: row[f"{charge}_sum"] or 0 for charge in _CHARGES})
    calls, calls_in_all = _count_calls(rows, name, work, memory_gb) if spent else ({}, 0)
    by_name: dict[str, Cost] = {}
    for one in sorted(names):
        charges = spent.get(one, Counter())
        by_name[one] = {"calls": calls.get(one, 0), **{c: charges[c] or 0 for c in _CHARGES}}
    in_all: Cost = {"calls": calls_in_all, **{charge: total[charge] for charge in _CHARGES}}
    return Costs(in_all, by_name)


def _count_calls(
    rows: Rows, name: str, work: Path | None, memory_gb: float
) -> tuple[dict[str, int], int]:
    """Return how many different calls rows name, by the value of a column and in all. Calls are
    told apart by hashes of 64 bits."""
    with open_duckdb(work, memory_gb) as (connection, _), duckdb_errors():
        offer(connection, "rows_of_calls", rows)
        connection.execute(
            f"""CREATE TEMP TABLE calls AS SELECT DISTINCT name, hash(key) AS key FROM (
                SELECT "{name}" AS name, unnest(string_split({_KEY}, ' ')) AS key
                FROM rows_of_calls WHERE {_KEY} IS NOT NULL)"""  # noqa: S608 - names of columns
        )
        by_name = connection.execute("SELECT name, count(*) FROM calls GROUP BY name").fetchall()
        in_all = connection.execute("SELECT count(DISTINCT key) FROM calls").fetchone()
    assert in_all is not None
    return dict(by_name), in_all[0]


def _sum(column: Any) -> float:
    return pc.sum(column).as_py() or 0
