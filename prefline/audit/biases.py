"""Biases of a judge's verdicts: position, length, its own model; and cycles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from prefline.audit.table import FIRST, NONE, SECOND
from prefline.audit.verdicts import Verdicts
from prefline.stats import Bools, Floats, Ints
from prefline.stats.bootstrap import NOTHING, Figure, Resampler
from prefline.stats.logistic import Terms, fit

P_LEAST = 1e-6


def bias_figures(verdicts: Verdicts, seed: int) -> dict[str, Figure]:
    """Return the biases of one judge, by name."""
    sampler = Resampler.of(verdicts.cluster, seed)
    return {
        "position_bias": position_bias(verdicts, sampler),
        "length_bias": length_bias(verdicts, sampler),
        "win_rate_longer": win_rate_longer(verdicts, sampler),
        "intransitive": intransitive(verdicts, sampler),
    }


def position_bias(verdicts: Verdicts, sampler: Resampler) -> Figure:
    """Return the mean log-odds of `p_first`, in nats: above 0 favours what is shown first.

    Over both orders of a pair what the judge thinks of the two cancels; where each pair was
    judged in one order drawn at random, it does so on average. p is held 1e-6 from 0 and 1. Where
    it is the share of n votes, its log-odds are empirical ones, log((n p + 1/2) / (n (1 - p) +
    1/2)): three votes of three are no certainty (Anscombe 1956, Biometrika 43).
    """
    asked = verdicts.where(~np.isnan(verdicts.p_first))
    p = np.clip(asked.p_first, P_LEAST, 1 - P_LEAST)
    several = asked.n_votes > 1
    n = asked.n_votes[several]
    p[several] = (n * asked.p_first[several] + 0.5) / (n + 1)
    return sampler.mean(np.log(p / (1 - p)), asked.cluster)


def length_bias(verdicts: Verdicts, sampler: Resampler) -> Figure:
    """Return the slope b of logit P(first) = a + b log(first_length / second_length).

    The target is `p_first`, else the verdict with a tie as 0.5; invalid verdicts are left
    out; a length of 0 counts as 1. At b = 0.7 twice the length doubles the odds 2^0.7 = 1.6
    times. The interval is that of the score bootstrap (Kline and Santos 2012).
    """
    ratio = _log_ratio(verdicts)
    rows = ~np.isnan(ratio) & ~np.isnan(verdicts.preference)
    asked = verdicts.where(rows)
    values = np.stack([np.ones(len(asked)), ratio[rows]], axis=1)
    terms = Terms(np.tile(np.arange(2), (len(asked), 1)), values, 2)
    fitted = fit(terms, asked.preference) if len(asked) else None
    if fitted is None:
        return NOTHING
    influence = fitted.influence(terms, np.array([0.0, 1.0]))
    return sampler.linear(float(fitted.beta[1]), influence, asked.cluster, len(asked))


def win_rate_longer(verdicts: Verdicts, sampler: Resampler) -> Figure:
    """Return the share of verdicts first and second for the longer of two unequal lengths."""
    longer = np.sign(verdicts.first_length - verdicts.second_length)
    asked = np.isin(verdicts.verdict, (FIRST, SECOND)) & (np.abs(longer) == 1)
    return sampler.share(verdicts.verdict[asked] == longer[asked], verdicts.cluster[asked])


def intransitive(verdicts: Verdicts, sampler: Resampler) -> Figure:
    """Return the share of cyclic ones among triples of which all three pairs are decided.

    A pair goes to the response with more verdicts over all its rows; an even one is not
    decided. A is preferred to B, B to C, C to A: cyclic (Kendall and Babington Smith 1940).
    """
    cycles = _cycles_of(verdicts)
    cyclic, triples = cycles.cyclic.astype(float), cycles.triples.astype(float)
    return sampler.ratio(cyclic, triples, cycles.cluster)


def self_preference(verdicts: Verdicts, others: Verdicts, model: int, seed: int) -> Figure:
    """Return how much more a judge prefers its own model than the other judges do.

    The mean over pairs of the judge's preference for the model's response less that of all
    other judges, on pairs that both have judged, of which one response is the model's.
    """
    own, theirs = _for_model(verdicts, model), _for_model(others, model)
    pairs, mine, yours = np.intersect1d(own[0], theirs[0], return_indices=True)
    if not len(pairs):
        return NOTHING
    clusters = own[2][mine]
    return Resampler.of(clusters, seed).mean(own[1][mine] - theirs[1][yours], clusters)


def _for_model(verdicts: Verdicts, model: int) -> tuple[Ints, Floats, Ints]:
    """Return pairs with one response of the model, mean preference for it, and prompt, (pairs,)."""
    is_first, is_second = verdicts.first_model == model, verdicts.second_model == model
    rows = (is_first != is_second) & ~np.isnan(verdicts.preference)
    liked = np.where(is_first, verdicts.preference, 1 - verdicts.preference)[rows]
    pairs, start, place = np.unique(verdicts.pair[rows], return_index=True, return_inverse=True)
    means = np.bincount(place, liked, len(pairs)) / np.bincount(place, minlength=len(pairs))
    return pairs, means, verdicts.cluster[rows][start]


def _log_ratio(verdicts: Verdicts) -> Floats:
    ratio: Floats = np.log(
        np.maximum(verdicts.first_length, 1) / np.maximum(verdicts.second_length, 1)
    )
    return ratio


QUANTILES = 4


def by_length(verdicts: Verdicts, seed: int) -> list[dict[str, Any]]:
    """Return the share of one judge's verdicts for the longer answer, by how much longer it is.

    In quarters of the verdicts by its length relative to the shorter one: {from, to} are these
    ratios, with the figure and its interval. A tie or an invalid verdict goes to none; equal
    lengths are left out.
    """
    longest = np.maximum(verdicts.first_length, verdicts.second_length)
    shortest = np.minimum(verdicts.first_length, verdicts.second_length)
    ratio = longest / np.maximum(shortest, 1)
    decided = np.isin(verdicts.verdict, (FIRST, SECOND))
    rows = decided & (verdicts.first_length != verdicts.second_length) & ~np.isnan(ratio)
    asked, ratio = verdicts.where(rows), ratio[rows]
    if not len(asked):
        return []
    sampler = Resampler.of(asked.cluster, seed)
    cuts = np.quantile(ratio, np.linspace(0, 1, QUANTILES + 1))
    quarter = np.clip(np.searchsorted(cuts, ratio, side="right") - 1, 0, QUANTILES - 1)
    longer = np.where(asked.first_length > asked.second_length, FIRST, SECOND)
    quarters = []
    for number in np.unique(quarter):
        mine = quarter == number
        share = sampler.share(asked.verdict[mine] == longer[mine], asked.cluster[mine])
        ends = {"from": float(ratio[mine].min()), "to": float(ratio[mine].max())}
        quarters.append(ends | share.as_dict())
    return quarters


_AT_ONCE = 2_000_000  # corners looked at in one step, to bound memory


@dataclass(frozen=True, slots=True)
class _Cycles:
    """Triples by the prompt (or pair) that they belong to: arrays of shape `(groups,)`."""

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


def _cycles_of(verdicts: Verdicts) -> _Cycles:
    """Count triples of which one judge has decided all three pairs, and the cyclic ones."""
    edges = _edges(verdicts)
    n = int(edges.cluster.max()) + 1 if len(edges.low) else 0
    triples, cyclic = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for cluster, is_cyclic in _triangles(edges):
        triples += np.bincount(cluster, minlength=n)
        cyclic += np.bincount(cluster[is_cyclic], minlength=n)
    there = np.flatnonzero(triples)
    return _Cycles(there, triples[there], cyclic[there])


def _edges(verdicts: Verdicts) -> _Edges:
    node_1, node_2 = _nodes(verdicts)
    low, high = np.minimum(node_1, node_2), np.maximum(node_1, node_2)
    width = int(high.max(initial=0)) + 1
    _, start, place = np.unique(low * width + high, return_index=True, return_inverse=True)
    won = np.where(verdicts.verdict == NONE, 0, verdicts.verdict) * verdicts.side
    sign = np.sign(np.bincount(place, won, len(start))).astype(np.int64)
    kept = start[sign != 0]
    return _Edges(low[kept], high[kept], sign[sign != 0], verdicts.cluster[kept])


def _nodes(verdicts: Verdicts) -> tuple[Ints, Ints]:
    """Number responses by prompt and id: ids may be told apart by their prompt only.

    Within a prompt the order of the numbers is that of the ids.
    """
    ids = np.concatenate([verdicts.first, verdicts.second])
    prompts = np.concatenate([verdicts.prompt, verdicts.prompt]).astype(np.int64) + 1
    width = int(ids.max(initial=0)) + 1
    _, nodes = np.unique(prompts * width + ids, return_inverse=True)
    return nodes[: len(verdicts)], nodes[len(verdicts) :]


def _triangles(edges: _Edges) -> Iterator[tuple[Ints, Bools]]:
    """Yield prompt, and whether it is cyclic, of triples; some millions of corners at a time."""
    last = np.searchsorted(edges.low, edges.low, side="right")
    corners = last - np.arange(len(last)) - 1  # later edges of the same low response
    step = np.cumsum(corners) // _AT_ONCE
    for part in np.unique(step):
        yield _closed(edges, np.flatnonzero(step == part), corners)


def _closed(edges: _Edges, these: Ints, corners: Ints) -> tuple[Ints, Bools]:
    """Return prompt, and whether it is cyclic, of triples a < b < c with (a, b) among `these`."""
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
