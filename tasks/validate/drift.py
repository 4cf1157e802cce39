"""The suite of drift: are the labels distributed as those of the version before.

One row for each distribution, with its total variation distance from the version's, half the sum of
|share now - share then| (0: the same; 1: nothing in common). Two draws from the same distribution
differ too, so a distance counts only where 99 of 100 pairs of such draws, of as many rows each, are
nearer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prefline.config import ValidateParams
from prefline.tables.joining import Rows, batches_of
from tasks.validate.columns import pc
from tasks.validate.counts import Rule
from tasks.validate.database import Database
from tasks.validate.facts import when
from tasks.validate.rules import Suite, gate, within

TABLE = "drift"
COLUMNS = ("p_chosen", "category", "label_source")
_FIELDS: dict[str, pa.DataType] = {
    "distribution": pa.string(),
    "distance": pa.float64(),
    "noise": pa.float64(),
}
SCHEMA = pa.schema(_FIELDS)
Counts = npt.NDArray[np.int64]
Distributions = Mapping[str, Mapping[Any, int]]
"""The number of rows with each value of each column of `COLUMNS`."""
_BINS = 10  # of p_chosen from 0.5 to 1
_DRAWS, _SURE, _SEED = 1_000, 0.99, 0


def drift_table(now: Rows, then: Distributions | None) -> pa.Table:
    """Compare preferences with the distributions of a version; no rows for none."""
    found = count_labels(batches_of(now, COLUMNS))
    rows = []
    for name, before in ({} if then is None or not now.num_rows else then).items():
        one, other = aligned(found[name], before)
        if other.sum():
            measured = {"distance": distance(one, other), "noise": noise(one, other)}
            rows.append({"distribution": name, **measured})
    return pa.Table.from_pylist(rows, SCHEMA)


def count_labels(rows: Iterable[pa.RecordBatch]) -> Distributions:
    """Count the rows by each column of `COLUMNS`, of p_chosen by tenths from 0.5 to 1."""
    counts: dict[str, Counter[Any]] = {name: Counter() for name in COLUMNS}
    for batch in rows:
        for name, counter in counts.items():
            column = batch[name]
            if pa.types.is_floating(column.type):
                column = pc.min_element_wise(
                    pc.floor(pc.multiply(column, 2 * _BINS)), 2 * _BINS - 1
                )
            for one in pc.value_counts(column).to_pylist():
                counter[one["values"]] += one["counts"]
    return counts


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


def derive(_database: Database, _params: ValidateParams) -> str:
    """Return the distances that are more than noise; others are null."""
    return f"""SELECT t.* EXCLUDE (distance),
        {when("distance > noise", "distance")} AS distance FROM {TABLE} t"""


def rules(params: ValidateParams) -> tuple[Rule, ...]:
    """Return how far a distribution may have moved since the version before."""
    most = 1.0 if params.max_drift is None else params.max_drift
    remedy = (
        "see `prefline diff` once it is published, and what was changed: prompts (sample), judges, "
        "models; if it is meant, raise validate.max_drift, or set it to null"
    )
    return (gate("drift", within("distance", 0, most, remedy), params),)


SUITE = Suite(TABLE, "distribution", derive, rules)
