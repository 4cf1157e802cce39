"""Verdicts on one pair side by side, in Arrow, each in its row's own order."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

VERIFIER = "verifier"
_TURNED = {"first": "second", "second": "first"}


def pair_keys(rows: pa.Table) -> Any:
    """Return a name for each row's pair, whatever the order; `rows` has first_id and second_id."""
    first, second = rows["first_id"], rows["second_id"]
    lower, upper = pc.min_element_wise(first, second), pc.max_element_wise(first, second)
    return pc.binary_join_element_wise(lower, upper, " ")


def turned(verdicts: Any) -> Any:
    """Return the same verdicts as seen in the other order."""
    found = verdicts
    for verdict, other in _TURNED.items():
        found = pc.if_else(pc.equal(verdicts, pa.scalar(verdict)), other, found)
    return found


def verified_verdicts(judgments: pa.Table, rows: pa.Table) -> Any:
    """Return what the verifier says of each of `rows`, in that row's order; null where it is
    silent."""
    gold = judgments.filter(pc.equal(judgments["method"], pa.scalar(VERIFIER)))
    where = pc.index_in(pair_keys(rows), value_set=pair_keys(gold))
    right = gold.take(where)
    same_order = pc.equal(right["first_id"], rows["first_id"])
    return pc.if_else(same_order, right["verdict"], turned(right["verdict"]))
