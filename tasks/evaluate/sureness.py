"""How far sigmoid(reward of chosen - reward of rejected) may be taken as a probability.

A pair is looked at from the side of the answer that the rewards prefer. Seen from that of the
better answer, as labels have it, every pair of a low probability would be one where the rewards
are wrong, and any reward model would look badly calibrated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from prefline.stats import Floats, Ints
from prefline.stats.bootstrap import NOTHING, Figure, Resampler
from prefline.stats.logistic import sigmoid
from tasks.evaluate.clusters import share

BINS = 5  # of equal width, from 0.5 to 1
_LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Sureness:
    """`log_loss` in nats a pair (log 2 is what knowing nothing costs); `ece`, the expected
    calibration error (Naeini et al. 2015); `calibration`, for each bin that has pairs, the mean
    `p` that the rewards give to the answer they prefer, and how often labels say so too."""

    log_loss: Figure
    ece: Figure
    calibration: tuple[dict[str, Any], ...]


def sureness(margins: Floats, p_chosen: Floats, clusters: Ints, sampler: Resampler) -> Sureness:
    """The figures of margins, reward of chosen less that of rejected, against labels; all of
    shape `(n,)`."""
    losses = np.logaddexp(0.0, margins) - p_chosen * margins
    said = sigmoid(np.abs(margins))
    # Where both rewards are the same, neither answer is preferred.
    label = np.where(margins == 0, _LEAST, np.where(margins > 0, p_chosen, 1 - p_chosen))
    bins = np.minimum(((said - _LEAST) / (1 - _LEAST) * BINS).astype(np.int64), BINS - 1)
    return Sureness(
        log_loss=sampler.mean(losses, clusters),
        ece=_ece(said - label, bins, clusters, sampler),
        calibration=tuple(_diagram(said, label, bins, (clusters, sampler))),
    )


def _ece(gaps: Floats, bins: Ints, clusters: Ints, sampler: Resampler) -> Figure:
    """The mean of |mean p - mean label| of the bins, weighted by their rows. Resampling adds noise
    that only ever raises it, so the resamples are shifted by their mean excess."""
    if not len(gaps):
        return NOTHING
    sums = sampler.cell_sums(clusters, bins, gaps, BINS)
    rows = sampler.sums(clusters, np.ones(len(gaps)))

    def mean_gap(drawn: Floats) -> Floats:
        found: Floats = np.abs(drawn[:, :-1]).sum(axis=1) / drawn[:, -1]
        return found

    return sampler.figure(np.hstack([sums, rows]), mean_gap, len(gaps), recentre=True)


def _diagram(
    said: Floats, label: Floats, bins: Ints, by: tuple[Ints, Resampler]
) -> Iterable[dict[str, Any]]:
    clusters, sampler = by
    for one in np.unique(bins):
        rows = bins == one
        found = share(label[rows], clusters[rows], sampler)
        yield {"p": float(said[rows].mean())} | found.as_dict()
