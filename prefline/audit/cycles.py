"""Triples of responses that a judge has ranked in a circle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from prefline.audit.columns import NONE
from prefline.audit.verdicts import Bools, Ints, Verdicts

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
    node_1, node_2 = _nodes(seen)
    low, high = np.minimum(node_1, node_2), np.maximum(node_1, node_2)
    width = int(high.max(initial=0)) + 1
    _, start, place = np.unique(low * width + high, return_index=True, return_inverse=True)
    won = np.where(seen.verdict == NONE, 0, seen.verdict) * seen.side
    sign = np.sign(np.bincount(place, won, len(start))).astype(np.int64)
    kept = start[sign != 0]
    return _Edges(low[kept], high[kept], sign[sign != 0], seen.cluster[kept])


def _nodes(seen: Verdicts) -> tuple[Ints, Ints]:
    """Responses numbered by prompt and id: ids may be told apart by their prompt only.

    Within a prompt the order of the numbers is that of the ids.
    """
    ids = np.concatenate([seen.first, seen.second])
    prompts = np.concatenate([seen.prompt, seen.prompt]) + 1
    width = int(ids.max(initial=0)) + 1
    _, nodes = np.unique(prompts * width + ids, return_inverse=True)
    return nodes[: len(seen)], nodes[len(seen) :]


def _triangles(edges: _Edges) -> Iterator[tuple[Ints, Bools]]:
    """Prompt, and whether it is cyclic, of each triple; some millions of corners at a time."""
    last = np.searchsorted(edges.low, edges.low, side="right")
    corners = last - np.arange(len(last)) - 1  # later edges of the same low response
    step = np.cumsum(corners) // _AT_ONCE
    for part in np.unique(step):
        yield _closed(edges, np.flatnonzero(step == part), corners)


def _closed(edges: _Edges, these: Ints, corners: Ints) -> tuple[Ints, Bools]:
    """The triples a < b < c that start with edges (a, b) among `these`."""
    counts = corners[these]
    ab = np.repeat(these, counts)
    ac = ab + 1 + np.arange(len(ab)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = int(edges.high.max()) + 1
    keys, wanted = edges.low * width + edges.high, edges.high[ab] * width + edges.high[ac]
    bc = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    there = keys[bc] == wanted
    ab, ac, bc = ab[there], ac[there], bc[there]
    sign = edges.sign
    return edges.cluster[ab], (sign[ab] == sign[bc]) & (sign[bc] == -sign[ac])
