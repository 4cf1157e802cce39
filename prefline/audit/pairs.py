"""What one judge made of each pair over its orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefline.audit.columns import FIRST, NONE, SECOND
from prefline.audit.verdicts import Bools, Ints, Verdicts


@dataclass(frozen=True, slots=True)
class Pairs:
    """One judge's pairs, arrays of shape `(pairs,)`.

    `score` sums +1 for each verdict for the lower response id and -1 for the other; `right`
    sums +1 for each verdict that is gold's and -1 for the opposite one.
    """

    cluster: Ints
    score: Ints
    right: Ints
    has_gold: Bools
    both_orders: Bools
    unanimous: Bools


def pairs_of(seen: Verdicts) -> Pairs:
    """Gathers one judge's verdicts by pair."""
    _, start, place = np.unique(seen.pair, return_index=True, return_inverse=True)
    n = len(start)
    won = np.where(seen.verdict == NONE, 0, seen.verdict) * seen.side
    decided_gold = np.isin(seen.gold, (FIRST, SECOND))
    gold = np.where(decided_gold, seen.gold, 0) * seen.side
    outcome = np.where(seen.verdict == NONE, NONE, won)

    def counts(rows: Bools) -> Ints:
        return np.bincount(place[rows], minlength=n)

    total = counts(np.ones(len(seen), dtype=bool))
    same = counts(outcome == outcome[start][place])
    return Pairs(
        cluster=seen.cluster[start],
        score=_sum(place, won, n),
        right=_sum(place, won * gold, n),
        has_gold=counts(decided_gold) > 0,
        both_orders=(counts(seen.side > 0) > 0) & (counts(seen.side < 0) > 0),
        unanimous=(same == total) & (outcome[start] != NONE),
    )


def _sum(place: Ints, values: Ints, n: int) -> Ints:
    return np.bincount(place, values, n).astype(np.int64)
