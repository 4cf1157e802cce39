"""Accuracy, consistency and calibration of one judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from prefline.audit.table import FIRST, NONE, SECOND, TIE
from prefline.audit.verdicts import Verdicts
from prefline.stats import Bools, Floats, Ints
from prefline.stats.agreement import kappa_of_counts
from prefline.stats.bootstrap import NOTHING, Figure, Resampler

ECE_BINS = 10
_LABELS = 4  # first, second, tie, invalid


def verdict_figures(verdicts: Verdicts, seed: int) -> dict[str, Figure]:
    """Return the figures of one judge's verdicts, by name."""
    sampler, pairs = Resampler.of(verdicts.cluster, seed), _by_pair(verdicts)
    return {
        "accuracy_per_order": accuracy_per_order(verdicts, sampler),
        "accuracy_both_orders": accuracy_both_orders(pairs, sampler),
        "inconsistent": inconsistent(pairs, sampler),
        "prefers_first": prefers_first(verdicts, sampler),
        "tie": sampler.share(verdicts.verdict == TIE, verdicts.cluster),
        "invalid": sampler.share(verdicts.verdict == NONE, verdicts.cluster),
        "kappa": kappa(verdicts, sampler),
        "brier": brier(verdicts, sampler),
        "ece": ece(verdicts, sampler),
    }


def accuracy_per_order(verdicts: Verdicts, sampler: Resampler) -> Figure:
    """Return the share of verdicts that name gold's winner; tie and invalid name none.

    Rows whose gold is a tie have no winner to name and are left out.
    """
    asked = verdicts.where(np.isin(verdicts.gold, (FIRST, SECOND)))
    return sampler.share(asked.verdict == asked.gold, asked.cluster)


def accuracy_both_orders(pairs: Pairs, sampler: Resampler) -> Figure:
    """Return the share of pairs on which the judge is right over its orders.

    A right verdict counts +1, the opposite one -1, tie and invalid 0; the pair counts as right if
    the sum is positive (JudgeBench: Tan et al. 2024, arXiv 2410.12784). A pair judged in one
    order is judged by that one; pairs whose gold is a tie are left out.
    """
    asked = pairs.has_gold
    return sampler.share(pairs.right[asked] > 0, pairs.cluster[asked])


def inconsistent(pairs: Pairs, sampler: Resampler) -> Figure:
    """Return the share of pairs judged in both orders whose verdicts name different winners.

    Two ties are the same outcome; a pair with an invalid verdict is inconsistent.
    """
    both = pairs.both_orders
    return sampler.share(~pairs.unanimous[both], pairs.cluster[both])


def prefers_first(verdicts: Verdicts, sampler: Resampler) -> Figure:
    """Return the share of first among the verdicts first and second."""
    decided = verdicts.where(np.isin(verdicts.verdict, (FIRST, SECOND)))
    return sampler.share(decided.verdict == FIRST, decided.cluster)


def kappa(verdicts: Verdicts, sampler: Resampler) -> Figure:
    """Return Cohen's kappa of the verdicts with gold over first, second, tie and invalid.

    Gold is never invalid, so an invalid verdict never agrees.
    """
    asked = verdicts.where(verdicts.gold != NONE)
    cells = (asked.verdict + 1) * _LABELS + asked.gold + 1
    counts = sampler.cell_sums(asked.cluster, cells, None, _LABELS**2)
    return sampler.figure(counts, kappa_of_counts, len(asked))


def brier(verdicts: Verdicts, sampler: Resampler) -> Figure:
    """Return the mean of (p_first - gold)^2 (Brier 1950); gold is 1 first, 0 second, 0.5 tie."""
    asked = _with_gold_and_p(verdicts)
    return sampler.mean((asked.p_first - _target(asked)) ** 2, asked.cluster)


def ece(verdicts: Verdicts, sampler: Resampler) -> Figure:
    """Return the expected calibration error of `p_first` (Naeini et al. 2015; Guo et al. 2017).

    Over 10 bins of equal width [k/10, (k+1)/10), the last closed: the mean of |mean p - mean
    gold| weighted by the bins' rows. Resampling adds noise that only ever raises it, so the
    resamples are shifted down by their mean excess before their percentiles are taken.
    """
    asked = _with_gold_and_p(verdicts)
    if not len(asked):
        return NOTHING
    gaps = asked.p_first - _target(asked)
    gap_sums = sampler.cell_sums(asked.cluster, _bins(asked), gaps, ECE_BINS)
    rows = sampler.sums(asked.cluster, np.ones(len(asked)))
    return sampler.figure(np.hstack([gap_sums, rows]), _ece, len(asked), recentre=True)


def calibration(verdicts: Verdicts, seed: int) -> list[dict[str, Any]]:
    """Return the reliability diagram behind `ece`.

    For each bin that has rows, the mean `p` said in it, and the share of gold (a tie as one half)
    with its interval by prompt.
    """
    asked = _with_gold_and_p(verdicts)
    bins, target = _bins(asked), _target(asked)
    sampler = Resampler.of(asked.cluster, seed)
    diagram = []
    for number in np.unique(bins):
        rows = bins == number
        share = sampler.ratio(target[rows], np.ones(int(rows.sum())), asked.cluster[rows])
        diagram.append({"p": float(asked.p_first[rows].mean())} | share.as_dict())
    return diagram


def _with_gold_and_p(verdicts: Verdicts) -> Verdicts:
    return verdicts.where((verdicts.gold != NONE) & ~np.isnan(verdicts.p_first))


def _bins(verdicts: Verdicts) -> Ints:
    return np.minimum((verdicts.p_first * ECE_BINS).astype(np.int64), ECE_BINS - 1)


def _ece(sums: Floats) -> Floats:
    error: Floats = np.abs(sums[:, :-1]).sum(axis=1) / sums[:, -1]
    return error


def _target(verdicts: Verdicts) -> Floats:
    target: Floats = (verdicts.gold + 1) / 2
    return target


@dataclass(frozen=True, slots=True)
class Pairs:
    """One judge's pairs over their orders, arrays of shape `(pairs,)`.

    `right` sums +1 for each verdict that is gold's and -1 for the opposite one; `unanimous` says
    that all verdicts are valid and name the same outcome.
    """

    cluster: Ints
    right: Ints
    has_gold: Bools
    both_orders: Bools
    unanimous: Bools


def _by_pair(verdicts: Verdicts) -> Pairs:
    """Gather one judge's verdicts by pair."""
    _, start, place = np.unique(verdicts.pair, return_index=True, return_inverse=True)
    n = len(start)
    won = np.where(verdicts.verdict == NONE, 0, verdicts.verdict) * verdicts.side
    decided_gold = np.isin(verdicts.gold, (FIRST, SECOND))
    gold = np.where(decided_gold, verdicts.gold, 0) * verdicts.side
    outcome = np.where(verdicts.verdict == NONE, NONE, won)

    def counts(rows: Bools) -> Ints:
        return np.bincount(place[rows], minlength=n)

    total = counts(np.ones(len(verdicts), dtype=bool))
    same = counts(outcome == outcome[start][place])
    return Pairs(
        cluster=verdicts.cluster[start],
        right=np.bincount(place, won * gold, n).astype(np.int64),
        has_gold=counts(decided_gold) > 0,
        both_orders=(counts(verdicts.side > 0) > 0) & (counts(verdicts.side < 0) > 0),
        unanimous=(same == total) & (outcome[start] != NONE),
    )
