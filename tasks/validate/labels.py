"""The suite of the labels: whether they rest on enough pairs whose truth was told.

One row, from what the stage `pair` wrote of the label model (`data/metrics/pair.json`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from prefline.config import ValidateParams
from tasks.validate.counts import Rule
from tasks.validate.rules import Suite, at_least, nothing_derived

TABLE = "labels"
_COLUMNS: dict[str, pa.DataType] = {"labels": pa.string(), "anchors": pa.float64()}
SCHEMA = pa.schema(_COLUMNS)


def labels_table(paired: Mapping[str, Any]) -> pa.Table:
    """Return how many anchors the labels rest on; `paired` are the metrics of `pair`."""
    anchors = paired.get("anchors", {}).get("anchors", 0.0)
    return pa.Table.from_pylist([{"labels": "all", "anchors": float(anchors)}], SCHEMA)


def rules(params: ValidateParams) -> tuple[Rule, ...]:
    """Return that there are at least as many anchors as are required."""
    remedy = (
        "labels without anchors are agreement, not accuracy: let people review more pairs "
        "(`prefline review`, docs/reviews.md), sample prompts that a verifier checks, or lower "
        "validate.require_anchors"
    )
    return (at_least("anchors", params.require_anchors, remedy),)


SUITE = Suite(TABLE, "labels", nothing_derived(TABLE), rules)
