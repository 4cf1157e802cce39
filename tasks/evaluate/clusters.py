"""Means of bounded values, with intervals by prompt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prefline.stats import Floats, Ints
from prefline.stats.bootstrap import Figure, Resampler

_TAIL = 0.025  # on either side of a 95 % interval
_NO_SPREAD = 1e-12


def numbered(names: Sequence[str]) -> Ints:
    """Return each name's place in their sorted list, shape `(n,)`: the clusters to resample.

    They are the same whatever the order of the rows.
    """
    _, codes = np.unique(np.array(names, dtype=str), return_inverse=True)
    return codes.astype(np.int64)


def share(values: Floats, clusters: Ints, sampler: Resampler) -> Figure:
    """Return the mean of values from 0 to 1, shape `(n,)`."""
    return _bounded_mean(values, clusters, sampler, 0.0)


def paired_difference(
    values: Floats, baseline: Floats, clusters: Ints, sampler: Resampler
) -> Figure:
    """Return the mean of `values` - `baseline`, outcomes from 0 to 1 of the same rows, `(n,)`.

    What the rows have in common does not widen its interval.
    """
    return _bounded_mean(values - baseline, clusters, sampler, -1.0)


def _bounded_mean(values: Floats, clusters: Ints, sampler: Resampler, least: float) -> Figure:
    """Return a mean of values from `least` to 1.

    Where all prompts have the same value there is no spread to resample. But other prompts could
    then still be 1 - 0.025^(1/prompts) of all without one being drawn (Clopper and Pearson 1934),
    with any value between the bounds: so far the interval reaches.
    """
    mean = sampler.mean(values, clusters)
    if mean.value is None or mean.low is None or mean.high is None:
        return mean
    if mean.high - mean.low > _NO_SPREAD:
        return mean
    unseen = 1 - _TAIL ** (1 / len(np.unique(clusters)))
    low = mean.value - unseen * (mean.value - least)
    return Figure(mean.value, low, mean.value + unseen * (1 - mean.value), mean.n)
