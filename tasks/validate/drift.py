"""The suite of drift: are the labels distributed as those of the version before.

One row for each distribution, with its total variation distance from the version's, half the sum of
|share now - share then| (0: the same; 1: nothing in common). Two draws from the same distribution
differ too, so a distance counts only where 99 of 100 pairs of such draws, of as many rows each, are
nearer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prefline.config import ValidateParams
from tasks.validate.columns import Column, Rows, pc
from tasks.validate.facts import where
from tasks.validate.rules import Rule, Suite, Tables, gate, within

TABLE = "drift"
COLUMNS = ("p_chosen", "category", "label_source")
_FIELDS: dict[str, pa.DataType] = {
    "distribution": pa.string(),
    "distance": pa.float64(),
    "noise": pa.float64(),
}
SCHEMA = pa.schema(_FIELDS)
Counts = npt.NDArray[np.int64]
_BINS = 10  # of p_chosen from 0.5 to 1
_DRAWS, _SURE, _SEED = 1_000, 0.99, 0


def drift_table(now: Rows, then: pa.Table | None) -> pa.Table:
    """Of preferences, and those of a version with the columns `COLUMNS`; no rows for none."""
    if then is None or not then.num_rows or not now.num_rows:
        return SCHEMA.empty_table()
    rows = []
    for name in COLUMNS:
        one, other = aligned(_counts(now, name), _counts(then, name))
        found = {"distance": distance(one, other), "noise": noise(one, other)}
        rows.append({"distribution": name, **found})
    return pa.Table.from_pylist(rows, SCHEMA)


def distance(one: Counts, other: Counts) -> float:
    """Total variation distance of two counts, each shape `(values,)`."""
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def noise(one: Counts, other: Counts) -> float:
    """Return what 99 of 100 distances of two draws from both counts together stay below."""
    rng, whole = np.random.default_rng(_SEED), one + other
    share = whole / whole.sum()
    first = rng.multinomial(one.sum(), share, _DRAWS) / one.sum()
    second = rng.multinomial(other.sum(), share, _DRAWS) / other.sum()
    return float(np.quantile(np.abs(first - second).sum(axis=1) / 2, _SURE))


def aligned(one: Mapping[Any, int], other: Mapping[Any, int]) -> tuple[Counts, Counts]:
    """Return the counts of every value of either."""
    values = sorted(one.keys() | other.keys(), key=str)
    return (
        np.array([one.get(value, 0) for value in values], np.int64),
        np.array([other.get(value, 0) for value in values], np.int64),
    )


def _counts(table: Rows, name: str) -> Mapping[Any, int]:
    column = table[name]
    if pa.types.is_floating(column.type):
        column = pc.min_element_wise(pc.floor(pc.multiply(column, 2 * _BINS)), 2 * _BINS - 1)
    found: Any = pc.value_counts(column)
    return {row["values"]: row["counts"] for row in found.to_pylist()}


def derive(tables: Tables, _params: ValidateParams) -> dict[str, Column]:
    """Return the distances that are more than noise; others are null."""
    found = tables[TABLE]
    real = pc.greater(found["distance"], found["noise"])
    return {"distance": where(real, found["distance"])}


def rules(params: ValidateParams) -> tuple[Rule, ...]:
    """Return how far a distribution may have moved since the version before."""
    most = 1.0 if params.max_drift is None else params.max_drift
    remedy = (
        "see `prefline diff` once it is published, and what was changed: prompts (sample), judges, "
        "models; if it is meant, raise validate.max_drift, or set it to null"
    )
    return (gate("drift", within("distance", 0, most, remedy), params),)


SUITE = Suite(TABLE, "distribution", derive, rules)
