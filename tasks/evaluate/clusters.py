"""Means of what is known to lie within bounds, with intervals by prompt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prefline.stats import Floats, Ints
from prefline.stats.bootstrap import Figure, Resampler

_TAIL = 0.025  # on either side of a 95 % interval
_NO_SPREAD = 1e-12


def numbered(names: Sequence[str]) -> Ints:
    """Each name's place in the sorted list of them, shape `(n,)`: what is resampled as one, and
    the same whatever the order of the rows."""
    _, codes = np.unique(np.array(names, dtype=str), return_inverse=True)
    return codes.astype(np.int64)


def share(values: Floats, clusters: Ints, sampler: Resampler) -> Figure:
    """The mean of values of 0 to 1, shape `(n,)`."""
    return _within(values, clusters, sampler, 0.0)


def gain(ours: Floats, theirs: Floats, clusters: Ints, sampler: Resampler) -> Figure:
    """The mean of `ours` less `theirs`, two outcomes of 0 to 1 of the same rows, shape `(n,)`:
    what the rows have in common does not widen its interval."""
    return _within(ours - theirs, clusters, sampler, -1.0)


def _within(values: Floats, clusters: Ints, sampler: Resampler, least: float) -> Figure:
    """A mean of values of `least` to 1.

    Where all prompts say the same there is no spread to resample. But prompts that say something
    else could then still be 1 - 0.025^(1/prompts) of all without one being drawn (Clopper and
    Pearson 1934), and say anything between the bounds: so far the interval reaches.
    """
    found = sampler.mean(values, clusters)
    if found.value is None or found.low is None or found.high is None:
        return found
    if found.high - found.low > _NO_SPREAD:
        return found
    unseen = 1 - _TAIL ** (1 / len(np.unique(clusters)))
    low = found.value - unseen * (found.value - least)
    return Figure(found.value, low, found.value + unseen * (1 - found.value), found.n)
