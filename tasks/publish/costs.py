"""What the calls behind a version took, by stage, and by model or judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables import read_table
from prefline.tables.calls import count_calls_by, each_call

_CHARGES = ("input_tokens", "output_tokens", "cost_usd")
_KEY = "request_key"

Cost = dict[str, float]


@dataclass(frozen=True, slots=True)
class Costs:
    """The calls, tokens and USD of one stage: in all, and of each name that occurs, 0 for one
    whose rows were made elsewhere."""

    total: Cost
    by_name: Mapping[str, Cost]


def read_costs(table: Path, name: str) -> Costs:
    """The costs of the rows of a table by its column `name`; see `costs_of`."""
    return costs_of(read_table(table, columns=[name, _KEY, *_CHARGES]), name)


def costs_of(table: pa.Table, name: str) -> Costs:
    """What the line's own calls took; what was called elsewhere and imported is none of them."""
    called = table.filter(pc.is_valid(table[_KEY]))
    calls = count_calls_by(called, name)
    sums = called.group_by(name, use_threads=False).aggregate([(one, "sum") for one in _CHARGES])
    spent = {row[name]: row for row in sums.to_pylist()}
    names = sorted(str(one) for one in pc.unique(table[name]).to_pylist())
    calls_in_all = pc.count_distinct(each_call(called)[_KEY]).as_py()
    return Costs(
        total={"calls": calls_in_all, **{one: _sum(called[one]) for one in _CHARGES}},
        by_name={
            one: {"calls": calls.get(one, 0)}
            | {charge: spent.get(one, {}).get(f"{charge}_sum") or 0 for charge in _CHARGES}
            for one in names
        },
    )


def _sum(column: Any) -> float:
    return pc.sum(column).as_py() or 0
