"""Agreement of judges with each other on the pairs that they share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from prefline.audit.table import NONE
from prefline.audit.verdicts import Verdicts
from prefline.stats.agreement import Ratings, krippendorff_alpha, pairwise_agreement
from prefline.stats.bootstrap import Figure


def judge_agreement(
    verdicts: Verdicts, judges: Sequence[str], seed: int
) -> tuple[dict[str, Any], Figure]:
    """Return the agreement of every two judges by "a|b", and Krippendorff's alpha of all.

    The items are pairs in an order, as they were shown; `pairs_kappa` takes the two orders of
    a pair as one item, for judges that were not shown the same orders. Invalid verdicts are
    missing ones.
    """
    shown, pairs = list[Ratings](), list[Ratings]()
    for number in range(len(judges)):
        own = verdicts.where(verdicts.judge == number)
        shown.append(judge_ratings(own, by_order=True))
        pairs.append(judge_ratings(own, by_order=False))
    agreement: dict[str, Any] = {}
    for a, b in combinations(range(len(judges)), 2):
        kappa, same = pairwise_agreement(shown[a], shown[b], seed)
        pairs_kappa, _ = pairwise_agreement(pairs[a], pairs[b], seed)
        figures = {"kappa": kappa, "same_verdict": same, "pairs_kappa": pairs_kappa}
        agreement[f"{judges[a]}|{judges[b]}"] = {k: one.as_dict() for k, one in figures.items()}
    return agreement, krippendorff_alpha(shown, seed)


def judge_ratings(verdicts: Verdicts, *, by_order: bool) -> Ratings:
    """Return one judge's rating of each pair in each order (as shown), or of each pair.

    A rating is what most of the judge's valid verdicts on the item say; that of a pair is 1 for
    the response of the lower id.
    """
    valid = verdicts.where(verdicts.verdict != NONE)
    item = valid.pair * 2 + (valid.side > 0) * by_order
    votes = valid.verdict if by_order else valid.verdict * valid.side
    items, start, place = np.unique(item, return_index=True, return_inverse=True)
    label: Any = np.sign(np.bincount(place, votes, len(items))).astype(np.int8)
    return Ratings(items, label, valid.cluster[start])
