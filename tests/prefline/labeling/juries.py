"""Recorded verdicts of planted judges, in the form of `prefline audit`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from prefline.labeling.model import Labels, label_table
from prefline.labeling.prior import PriorAccuracy
from prefline.labeling.votes import Order, read_votes
from prefline.stats import Floats

Row = dict[str, Any]
OTHER = {"first": "second", "second": "first", "tie": "tie", None: None}
_TEXT = ("pair_id", "prompt_id", "judge", "first_id", "second_id", "verdict", "gold", "method")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in _TEXT]
    + [(name, pa.float64()) for name in ("p_first", "first_length", "second_length")]
)


def jury(
    judges: dict[str, float],
    n: int = 200,
    told: int = 0,
    seed: int = 0,
    orders: tuple[int, ...] = (1, -1),
) -> tuple[list[Row], Floats]:
    """Judges that are right with these chances, the same in both orders; the truth, 1 for "a".

    The truth of the first `told` pairs is given.
    """
    draw = np.random.default_rng(seed)
    truth = draw.choice([-1.0, 1.0], n)
    rows: list[Row] = []
    for judge, accuracy in judges.items():
        vote = np.where(draw.random(n) < accuracy, truth, -truth)
        for order in orders:
            rows += [verdict(i, judge, vote[i], truth[i] if i < told else 0.0, order)
                     for i in range(n)]  # fmt: skip
    return rows, truth


def verdict(number: int, judge: str, vote: float, truth: float = 0.0, order: int = 1) -> Row:
    """One verdict, 1 for the response "a"; `order` 1 shows "a" first."""
    ids = (f"a{number}", f"b{number}")[::order]
    return {
        "pair_id": f"p{number:04}", "prompt_id": f"q{number:04}", "judge": judge,
        "first_id": ids[0], "second_id": ids[1], "verdict": _side(vote * order),
        "gold": _side(truth * order) if truth else None,
    }  # fmt: skip


def _side(toward: float) -> str:
    return "first" if toward > 0 else "second" if toward < 0 else "tie"


def untold(rows: Iterable[Row]) -> list[Row]:
    """The same verdicts, the truth of no pair told."""
    return [row | {"gold": None} for row in rows]


def label(
    rows: list[Row],
    people: tuple[str, ...] = (),
    order: Order = Order.UNKNOWN,
    prior_accuracy: dict[str, PriorAccuracy] | None = None,
) -> tuple[dict[str, list[Any]], Labels]:
    """The labels of these rows, by column."""
    table = pa.Table.from_pylist(rows, SCHEMA)
    votes = read_votes(table, people=people, order=order)
    labelled, labels = label_table(table, votes, prior_accuracy=prior_accuracy or {})
    return labelled.to_pydict(), labels


def accuracy(labelled: dict[str, list[Any]], truth: Floats, told: int = 0) -> float:
    """The share of the pairs after the first `told` on which the label is right."""
    up = np.array([preferred.startswith("a") for preferred in labelled["preferred_id"]])
    number = np.array([int(pair[1:]) for pair in labelled["pair_id"]])
    return float(np.mean((up == (truth[number] > 0))[number >= told]))
