"""Scores of several responses from the probabilities of their pairs.

Bradley and Terry's model (1952, Biometrika 39): P(i beats j) = 1 / (1 + exp(s_j - s_i)). The
scores s minimise the cross-entropy of the pairs' soft labels plus RIDGE / 2 sum s^2 (regularised
maximum likelihood: Chen, Fan, Ma and Wang 2019, Annals of Statistics 47). The ridge makes the
minimum unique, with mean 0 for responses that are linked by pairs, and finite.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

RIDGE = 0.01
DECIMALS = 6
"""Scores are rounded to so many, which is coarser than what differs from machine to machine."""

_STEPS = 100
_LONGEST_STEP = 2.0  # of a score in one step of Newton's, which may go too far from far away
_CLOSE = 1e-10
_CELLS = 4_000_000  # of second derivatives at once


def scores(groups: Numbers, sizes: Numbers, sides: Numbers, p: Floats) -> Floats:
    """Return the score of every response, group by group.

    `sizes` is how many responses each group (a prompt) has; responses are numbered group by
    group. Pair i belongs to the group `groups[i]`; `sides[i]` are its two responses, the first of
    which is better with the probability `p[i]`.
    """
    starts = np.concatenate([[0], np.cumsum(sizes)])
    found = np.zeros(starts[-1])
    by_group = np.argsort(groups, kind="stable")
    first_pair = np.concatenate([[0], np.cumsum(np.bincount(groups, minlength=len(sizes)))])
    for some in _alike(sizes):
        width = int(sizes[some[0]])
        pairs = by_group[_ranges(first_pair[some], first_pair[some + 1])]
        local = np.searchsorted(some, groups[pairs])
        inside = sides[pairs] - starts[groups[pairs]][:, None]
        places = starts[some][:, None] + np.arange(width)
        found[places] = _fit(local, inside, p[pairs], (len(some), width))
    return np.asarray(np.round(found, DECIMALS) + 0.0, np.float64)  # no negative zero


def _alike(sizes: Numbers) -> Iterator[Numbers]:
    """Groups of one size, as many as are computed at once."""
    for width in np.unique(sizes):
        same = np.flatnonzero(sizes == width)
        at_once = max(1, _CELLS // int(width) ** 2)
        for start in range(0, len(same), at_once):
            yield same[start : start + at_once]


def _ranges(starts: Numbers, ends: Numbers) -> Numbers:
    """Return all whole numbers from each start up to its end."""
    lengths = ends - starts
    before = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))


def _fit(group: Numbers, sides: Numbers, p: Floats, shape: tuple[int, int]) -> Floats:
    """Newton's method for groups of one size at once; the scores have the given shape."""
    n, k = shape
    found, ridge = np.zeros(shape), RIDGE * np.eye(k)
    better, worse = sides.T

    def cell(row: Numbers, column: Numbers) -> Numbers:
        return (group * k + row) * k + column

    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(found[group, worse] - found[group, better]))
        slope, weight = p - likely, likely * (1 - likely)
        gradient = (
            np.bincount(group * k + better, slope, n * k)
            - np.bincount(group * k + worse, slope, n * k)
        ).reshape(shape) - RIDGE * found
        curvature: Floats = (
            np.bincount(cell(better, better), weight, n * k * k)
            + np.bincount(cell(worse, worse), weight, n * k * k)
            - np.bincount(cell(better, worse), weight, n * k * k)
            - np.bincount(cell(worse, better), weight, n * k * k)
        ).reshape(n, k, k) + ridge
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        found += step * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, _CLOSE))
        if longest.max() < _CLOSE:
            break
    return found
