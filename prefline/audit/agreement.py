"""How far judges agree with each other on what they were shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from prefline.audit.columns import NONE
from prefline.audit.verdicts import Ints, Verdicts
from prefline.stats.bootstrap import NOTHING, Resampler
from prefline.stats.intervals import Figure
from prefline.stats.kappa import cohen_kappa, krippendorff_alpha

_LABELS = 3  # first, second, tie


@dataclass(frozen=True, slots=True)
class Labels:
    """One judge's labels, arrays of shape `(items,)`, by item in ascending order.

    `label` is 1, -1 or 0: what most of the judge's valid verdicts on the item say.
    """

    item: Ints
    label: Ints
    cluster: Ints


def agreements(seen: Verdicts, judges: Sequence[str], seed: int) -> tuple[dict[str, Any], Figure]:
    """The agreement of every two judges by "a|b", and Krippendorff's alpha of all.

    The items are pairs in an order, as they were shown; `pairs_kappa` takes the two orders of
    a pair as one item, for judges that were not shown the same orders. Invalid verdicts are
    missing ones.
    """
    shown = [labels_of(seen.where(seen.judge == j), by_order=True) for j in range(len(judges))]
    pairs = [labels_of(seen.where(seen.judge == j), by_order=False) for j in range(len(judges))]
    found: dict[str, Any] = {}
    for a, b in combinations(range(len(judges)), 2):
        kappa, same = agreement_of(shown[a], shown[b], seed)
        over_pairs, _ = agreement_of(pairs[a], pairs[b], seed)
        figures = {"kappa": kappa, "same_verdict": same, "pairs_kappa": over_pairs}
        found[f"{judges[a]}|{judges[b]}"] = {k: one.as_dict() for k, one in figures.items()}
    return found, alpha(shown, seed)


def labels_of(seen: Verdicts, *, by_order: bool) -> Labels:
    """One judge's label of each pair in each order (as shown), or of each pair.

    The label of a pair is 1 for the response of the lower id.
    """
    valid = seen.where(seen.verdict != NONE)
    item = valid.pair * 2 + (valid.side > 0) * by_order
    said = valid.verdict if by_order else valid.verdict * valid.side
    items, start, place = np.unique(item, return_index=True, return_inverse=True)
    label = np.sign(np.bincount(place, said, len(items))).astype(np.int64)
    return Labels(items, label, valid.cluster[start])


def agreement_of(one: Labels, other: Labels, seed: int) -> tuple[Figure, Figure]:
    """Cohen's kappa of two judges, and the share of items on which they say the same."""
    items, at_one, at_other = np.intersect1d(
        one.item, other.item, assume_unique=True, return_indices=True
    )
    if not len(items):
        return NOTHING, NOTHING
    clusters, a, b = one.cluster[at_one], one.label[at_one], other.label[at_other]
    sampler = Resampler.of(clusters, seed)
    counts = sampler.tally(clusters, (a + 1) * _LABELS + b + 1, None, _LABELS**2)
    return sampler.figure(counts, cohen_kappa, len(items)), sampler.share(a == b, clusters)


def alpha(judges: Sequence[Labels], seed: int) -> Figure:
    """Krippendorff's alpha (2011), nominal, over items that at least two judges labelled."""
    item = np.concatenate([one.item for one in judges])
    label = np.concatenate([one.label for one in judges])
    cluster = np.concatenate([one.cluster for one in judges])
    _, start, place = np.unique(item, return_index=True, return_inverse=True)
    counts = np.bincount(place * _LABELS + label + 1, minlength=len(start) * _LABELS)
    by_item = counts.reshape(-1, _LABELS)
    several = by_item.sum(axis=1) > 1
    by_item, cluster = by_item[several], cluster[start][several]
    if not len(by_item):
        return NOTHING
    m = by_item.sum(axis=1)
    disagreement = (m**2 - (by_item**2).sum(axis=1)) / (m - 1)
    sampler = Resampler.of(cluster, seed)
    sums = sampler.sums(cluster, disagreement, *by_item.T)
    return sampler.figure(sums, krippendorff_alpha, len(by_item))
