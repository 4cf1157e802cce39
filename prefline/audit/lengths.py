"""How often the longer answer wins, by how much longer it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from prefline.audit.columns import FIRST, SECOND
from prefline.audit.verdicts import Verdicts
from prefline.stats.bootstrap import Resampler

QUANTILES = 4


def by_length(seen: Verdicts, seed: int) -> list[dict[str, Any]]:
    """The share of one judge's verdicts that go to the longer answer, in quarters of the verdicts
    by its length relative to the shorter one: {from, to} are these ratios, with the figure and its
    interval. A tie or an invalid verdict goes to none; equal lengths are left out."""
    longest = np.maximum(seen.first_length, seen.second_length)
    shortest = np.minimum(seen.first_length, seen.second_length)
    ratio = longest / np.maximum(shortest, 1)
    decided = np.isin(seen.verdict, (FIRST, SECOND))
    rows = decided & (seen.first_length != seen.second_length) & ~np.isnan(ratio)
    asked, ratio = seen.where(rows), ratio[rows]
    if not len(asked):
        return []
    sampler = Resampler.of(asked.cluster, seed)
    cuts = np.quantile(ratio, np.linspace(0, 1, QUANTILES + 1))
    quarter = np.clip(np.searchsorted(cuts, ratio, side="right") - 1, 0, QUANTILES - 1)
    longer = np.where(asked.first_length > asked.second_length, FIRST, SECOND)
    found = []
    for number in np.unique(quarter):
        mine = quarter == number
        share = sampler.share(asked.verdict[mine] == longer[mine], asked.cluster[mine])
        ends = {"from": float(ratio[mine].min()), "to": float(ratio[mine].max())}
        found.append(ends | share.as_dict())
    return found
