"""Bradley and Terry's model (1952, Biometrika 39) of who is preferred to whom.

log-odds that i is preferred to j = score_i - score_j. The scores minimise the cross-entropy of
the pairs' preferences (a probability as it is, a tie as one half) plus RIDGE / 2 sum score^2
(regularised maximum likelihood: Chen, Fan, Ma and Wang 2019, Annals of Statistics 47). The ridge
makes the minimum unique, with mean 0 for players that are linked by pairs, and finite for one that
is undefeated.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from prefline.stats import Bools, Floats, Ints
from prefline.stats.bootstrap import NOTHING, Figure, Resampler
from prefline.stats.logistic import sigmoid

RIDGE = 0.01
_DECIMALS = 6  # of a group's scores: coarser than what differs from machine to machine
_STEPS = 100
_LONGEST_STEP = 2.0  # of a score in one step of Newton's, which may go too far from far away
_CLOSE = 1e-10
_CELLS = 4_000_000  # of second derivatives at once


def ratings(
    sides: Ints, p: Floats, clusters: Ints, n_players: int, sampler: Resampler
) -> list[Figure]:
    """Return the rating of each player (model) in log-odds, centred on their mean.

    `sides` (n, 2) are the players of each match, `p` (n,) how much the first of them is
    preferred, `clusters` (n,) what `sampler` resamples as one. Intervals are those of the score
    bootstrap (Kline and Santos 2012). A player without a match has no rating, and there are none
    where no chain of matches joins all players.
    """
    there = np.zeros(n_players, dtype=bool)
    there[sides] = True
    if not there.any() or not _joined(sides, there):
        return [NOTHING] * n_players
    scores = _fit(np.zeros(len(p), np.int64), sides, p, (1, n_players))[0]
    first, second = sides.T
    fitted = sigmoid(scores[first] - scores[second])
    hessian = _curvature(np.zeros(len(p), np.int64), sides, fitted * (1 - fitted), (1, n_players))
    # How scores[k] moves with the weight of each match, shape (players, n).
    inverse = np.linalg.inv(hessian[0])
    moves = (inverse[:, first] - inverse[:, second]) * (p - fitted)
    centre = there / there.sum()
    figures = []
    for player in range(n_players):
        n = int(np.count_nonzero((sides == player).any(axis=1)))
        rating = float(scores[player] - centre @ scores)
        influence = moves[player] - centre @ moves
        figures.append(sampler.linear(rating, influence, clusters, n) if n else NOTHING)
    return figures


def group_scores(groups: Ints, sizes: Ints, sides: Ints, p: Floats) -> Floats:
    """Return the score of every response, shape `(responses,)`, fitted group by group.

    `sizes` is how many responses each group (a prompt) has; responses are numbered group by
    group. Pair i belongs to the group `groups[i]`; `sides[i]` are its two responses, the first of
    which is better with the probability `p[i]`.
    """
    starts = np.concatenate([[0], np.cumsum(sizes)])
    scores = np.zeros(starts[-1])
    by_group = np.argsort(groups, kind="stable")
    first_pair = np.concatenate([[0], np.cumsum(np.bincount(groups, minlength=len(sizes)))])
    for alike in _of_one_size(sizes):
        width = int(sizes[alike[0]])
        pairs = by_group[_ranges(first_pair[alike], first_pair[alike + 1])]
        local = np.searchsorted(alike, groups[pairs])
        inside = sides[pairs] - starts[groups[pairs]][:, None]
        places = starts[alike][:, None] + np.arange(width)
        scores[places] = _fit(local, inside, p[pairs], (len(alike), width))
    return np.asarray(np.round(scores, _DECIMALS) + 0.0, np.float64)  # no negative zero


def _joined(sides: Ints, there: Bools) -> bool:
    """Tell whether a chain of matches leads from every player that is there to every other."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = (np.ones(len(sides)), (sides[:, 0], sides[:, 1]))
    _, component = connected_components(coo_array(links, shape=(len(there),) * 2), directed=False)
    return len(np.unique(component[there])) == 1


def _of_one_size(sizes: Ints) -> Iterator[Ints]:
    """Yield groups of one size, as many as are computed at once."""
    for width in np.unique(sizes):
        same = np.flatnonzero(sizes == width)
        at_once = max(1, _CELLS // int(width) ** 2)
        for start in range(0, len(same), at_once):
            yield same[start : start + at_once]


def _ranges(starts: Ints, ends: Ints) -> Ints:
    """Return all whole numbers from each start up to its end."""
    lengths = ends - starts
    before = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))


def _fit(group: Ints, sides: Ints, p: Floats, shape: tuple[int, int]) -> Floats:
    """Return the scores of groups of one size, of this shape, by Newton's method for all at once.

    `group` (n,) and `sides` (n, 2) are numbered from 0, the sides within their group.
    """
    n, k = shape
    scores = np.zeros(shape)
    better, worse = sides.T
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(scores[group, worse] - scores[group, better]))
        slope, weight = p - likely, likely * (1 - likely)
        gradient = (
            np.bincount(group * k + better, slope, n * k)
            - np.bincount(group * k + worse, slope, n * k)
        ).reshape(shape) - RIDGE * scores
        curvature = _curvature(group, sides, weight, shape)
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        scores += step * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, _CLOSE))
        if longest.max() < _CLOSE:
            break
    return scores


def _curvature(group: Ints, sides: Ints, weight: Floats, shape: tuple[int, int]) -> Floats:
    """Return the Hessian of each group's loss, shape `(groups, players, players)`."""
    n, k = shape
    better, worse = sides.T

    def cell(row: Ints, column: Ints) -> Ints:
        return (group * k + row) * k + column

    curvature: Floats = (
        np.bincount(cell(better, better), weight, n * k * k)
        + np.bincount(cell(worse, worse), weight, n * k * k)
        - np.bincount(cell(better, worse), weight, n * k * k)
        - np.bincount(cell(worse, better), weight, n * k * k)
    ).reshape(n, k, k) + RIDGE * np.eye(k)
    return curvature
