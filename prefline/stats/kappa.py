"""Agreement beyond chance, as functions of sums, so that it can be resampled."""

from __future__ import annotations

import numpy as np

from prefline.audit.verdicts import Floats


def cohen_kappa(counts: Floats) -> Floats:
    """Cohen's kappa (1960) of tables of counts, shape `(m, labels * labels)` to `(m,)`.

    (p_o - p_e) / (1 - p_e) with p_o the share on the diagonal and p_e what the two margins
    give by chance. NaN for an empty table, and where chance alone agrees always.
    """
    size = round(counts.shape[1] ** 0.5)
    table = counts.reshape(-1, size, size)
    n = table.sum(axis=(1, 2))
    agreed = np.trace(table, axis1=1, axis2=2) / n
    chance = (table.sum(axis=1) * table.sum(axis=2)).sum(axis=1) / n**2
    found: Floats = (agreed - chance) / (1 - chance)
    return found


def krippendorff_alpha(sums: Floats) -> Floats:
    """Krippendorff's alpha (2011) for nominal labels, shape `(m, 1 + labels)` to `(m,)`.

    The first column is the observed disagreement summed over items with at least two
    labels, sum_c n_uc (m_u - n_uc) / (m_u - 1), with n_uc how many of an item's m_u labels
    are c; the others count each label over those items. With n labels in all,
    alpha = 1 - (n - 1) D / (n^2 - sum_c n_c^2).
    """
    observed, by_label = sums[:, 0], sums[:, 1:]
    n = by_label.sum(axis=1)
    found: Floats = 1 - (n - 1) * observed / (n**2 - (by_label**2).sum(axis=1))
    return found
