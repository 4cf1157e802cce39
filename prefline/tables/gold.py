"""Verdicts on one pair side by side, in Arrow, each in its row's own order."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

VERIFIER = "verifier"
_OTHER_ORDER = {"first": "second", "second": "first"}


def pair_keys(rows: pa.Table) -> Any:
    """Return a key of each row's pair, whatever the order; `rows` has first_id and second_id."""
    first, second = rows["first_id"], rows["second_id"]
    lower, upper = pc.min_element_wise(first, second), pc.max_element_wise(first, second)
    return pc.binary_join_element_wise(lower, upper, " ")


def swap_order(verdicts: Any) -> Any:
    """Return the same verdicts as seen in the other order."""
    swapped = verdicts
    for verdict, other in _OTHER_ORDER.items():
        swapped = pc.if_else(pc.equal(verdicts, pa.scalar(verdict)), other, swapped)
    return swapped


def verified_verdicts(judgments: pa.Table, rows: pa.Table) -> Any:
    """Return the verifier's verdict on each of `rows`, in that row's order; null for none."""
    gold = judgments.filter(pc.equal(judgments["method"], pa.scalar(VERIFIER)))
    matches = gold.take(pc.index_in(pair_keys(rows), value_set=pair_keys(gold)))
    same_order = pc.equal(matches["first_id"], rows["first_id"])
    return pc.if_else(same_order, matches["verdict"], swap_order(matches["verdict"]))
