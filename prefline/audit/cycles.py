"""Triples of responses that a judge has ranked in a circle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefline.audit.columns import NONE
from prefline.audit.verdicts import Ints, Verdicts

_AT_ONCE = 2_000_000  # corners looked at in one step, to bound memory


@dataclass(frozen=True, slots=True)
class Cycles:
    """Triples by the prompt (or pair) that they fall to: arrays of shape `(groups,)`."""

    cluster: Ints
    triples: Ints
    cyclic: Ints


@dataclass(frozen=True, slots=True)
class _Edges:
    """Decided pairs of one judge, sorted by (low, high), arrays of shape `(edges,)`.

    `sign` is 1 where `low` is preferred, else -1.
    """

    low: Ints
    high: Ints
    sign: Ints
    cluster: Ints


def cycles_of(seen: Verdicts) -> Cycles:
    """Counts triples of which one judge has decided all three pairs, and the cyclic ones."""
    edges = _edges(seen)
    n = int(edges.cluster.max()) + 1 if len(edges.low) else 0
    triples, cyclic = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for cluster, is_cyclic in _triangles(edges):
        triples += np.bincount(cluster, minlength=n)
        cyclic += np.bincount(cluster[is_cyclic], minlength=n)
    there = np.flatnonzero(triples)
    return Cycles(there, triples[there], cyclic[there])


def _edges(seen: Verdicts) -> _Edges:
    low, high = np.minimum(seen.first, seen.second), np.maximum(seen.first, seen.second)
    width = int(high.max()) + 1 if len(high) else 1
    _, start, place = np.unique(low * width + high, return_index=True, return_inverse=True)
    won = np.where(seen.verdict == NONE, 0, seen.verdict) * seen.side
    sign = np.sign(np.bincount(place, won, len(start))).astype(np.int64)
    kept = start[sign != 0]
    return _Edges(low[kept], high[kept], sign[sign != 0], seen.cluster[kept])


def _triangles(edges: _Edges) -> list[tuple[Ints, np.ndarray[tuple[int], np.dtype[np.bool_]]]]:
    return []
