"""Agreement of raters beyond chance, with intervals by prompt.

Kappa and alpha are written as functions of sums, which libraries do not offer (they take the raw
ratings), so that all resamples are computed at once; tests hold them to scikit-learn's and
krippendorff's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prefline.stats import Floats, Ints
from prefline.stats.bootstrap import NOTHING, Figure, Resampler

_CATEGORIES = 3  # of a rating: -1, 0, 1


@dataclass(frozen=True, slots=True)
class Ratings:
    """The ratings of one rater, arrays of shape `(items,)`, by item in ascending order.

    `label` is 1, -1 or 0 (a tie); `cluster` is what is resampled as one: the item's prompt.
    """

    item: Ints
    label: Ints
    cluster: Ints


def pairwise_agreement(one: Ratings, other: Ratings, seed: int) -> tuple[Figure, Figure]:
    """Return Cohen's kappa of two raters, and the share of shared items that they rate alike."""
    items, at_one, at_other = np.intersect1d(
        one.item, other.item, assume_unique=True, return_indices=True
    )
    if not len(items):
        return NOTHING, NOTHING
    clusters, a, b = one.cluster[at_one], one.label[at_one], other.label[at_other]
    sampler = Resampler.of(clusters, seed)
    cells = (a + 1) * _CATEGORIES + b + 1
    counts = sampler.cell_sums(clusters, cells, None, _CATEGORIES**2)
    return sampler.figure(counts, kappa_of_counts, len(items)), sampler.share(a == b, clusters)


def krippendorff_alpha(raters: Sequence[Ratings], seed: int) -> Figure:
    """Return Krippendorff's alpha (2011), nominal, over items that two raters or more rated."""
    item = np.concatenate([rater.item for rater in raters])
    label = np.concatenate([rater.label for rater in raters])
    cluster = np.concatenate([rater.cluster for rater in raters])
    _, start, place = np.unique(item, return_index=True, return_inverse=True)
    counts = np.bincount(place * _CATEGORIES + label + 1, minlength=len(start) * _CATEGORIES)
    by_item = counts.reshape(-1, _CATEGORIES)
    several = by_item.sum(axis=1) > 1
    by_item, cluster = by_item[several], cluster[start][several]
    if not len(by_item):
        return NOTHING
    m = by_item.sum(axis=1)
    disagreement = (m**2 - (by_item**2).sum(axis=1)) / (m - 1)
    sampler = Resampler.of(cluster, seed)
    sums = sampler.sums(cluster, disagreement, *by_item.T)
    return sampler.figure(sums, alpha_of_sums, len(by_item))


def kappa_of_counts(counts: Floats) -> Floats:
    """Return Cohen's kappa (1960) of tables of counts, shape `(m, labels * labels)` to `(m,)`.

    (p_o - p_e) / (1 - p_e) with p_o the share on the diagonal and p_e what row and column totals
    give by chance. NaN for an empty table, and where chance alone agrees always.
    """
    size = round(counts.shape[1] ** 0.5)
    table = counts.reshape(-1, size, size)
    n = table.sum(axis=(1, 2))
    agreed = np.trace(table, axis1=1, axis2=2) / n
    chance = (table.sum(axis=1) * table.sum(axis=2)).sum(axis=1) / n**2
    kappa: Floats = (agreed - chance) / (1 - chance)
    return kappa


def alpha_of_sums(sums: Floats) -> Floats:
    """Return Krippendorff's alpha (2011) for nominal labels, shape `(m, 1 + labels)` to `(m,)`.

    The first column is the observed disagreement summed over items with at least two
    labels, sum_c n_uc (m_u - n_uc) / (m_u - 1), with n_uc how many of an item's m_u labels
    are c; the others count each label over those items. With n labels in all,
    alpha = 1 - (n - 1) D / (n^2 - sum_c n_c^2).
    """
    observed, by_label = sums[:, 0], sums[:, 1:]
    n = by_label.sum(axis=1)
    alpha: Floats = 1 - (n - 1) * observed / (n**2 - (by_label**2).sum(axis=1))
    return alpha
