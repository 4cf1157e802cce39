"""How right, how steady and how lopsided one judge is: the figures of its verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from prefline.audit.columns import FIRST, NONE, SECOND, TIE
from prefline.audit.pairs import Pairs, pairs_of
from prefline.audit.verdicts import Floats, Verdicts
from prefline.stats.bootstrap import NOTHING, Resampler
from prefline.stats.intervals import Figure
from prefline.stats.kappa import cohen_kappa

ECE_BINS = 10
_LABELS = 4  # first, second, tie, invalid


def verdict_figures(seen: Verdicts, seed: int) -> dict[str, Figure]:
    """The figures of one judge's verdicts, by name."""
    sampler, pairs = Resampler.of(seen.cluster, seed), pairs_of(seen)
    return {
        "accuracy_per_order": accuracy_per_order(seen, sampler),
        "accuracy_both_orders": accuracy_both_orders(pairs, sampler),
        "inconsistent": inconsistent(pairs, sampler),
        "prefers_first": prefers_first(seen, sampler),
        "tie": sampler.share(seen.verdict == TIE, seen.cluster),
        "invalid": sampler.share(seen.verdict == NONE, seen.cluster),
        "kappa": kappa(seen, sampler),
        "brier": brier(seen, sampler),
        "ece": ece(seen, sampler),
    }


def accuracy_per_order(seen: Verdicts, sampler: Resampler) -> Figure:
    """Share of verdicts that name gold's winner; tie and invalid name none.

    Rows whose gold is a tie have no winner to name and are left out.
    """
    asked = seen.where(np.isin(seen.gold, (FIRST, SECOND)))
    return sampler.share(asked.verdict == asked.gold, asked.cluster)


def accuracy_both_orders(pairs: Pairs, sampler: Resampler) -> Figure:
    """Share of pairs on which the judge is right over its orders (JudgeBench, Tan et al. 2024).

    A right verdict counts +1, the opposite one -1, tie and invalid 0; the pair counts as
    right if the sum is positive (arXiv 2410.12784). A pair judged in one order is judged by
    that one; pairs whose gold is a tie are left out.
    """
    asked = pairs.has_gold
    return sampler.share(pairs.right[asked] > 0, pairs.cluster[asked])


def inconsistent(pairs: Pairs, sampler: Resampler) -> Figure:
    """Share of pairs judged in both orders whose verdicts differ as to the winner.

    Two ties are the same outcome; a pair with an invalid verdict is inconsistent.
    """
    both = pairs.both_orders
    return sampler.share(~pairs.unanimous[both], pairs.cluster[both])


def prefers_first(seen: Verdicts, sampler: Resampler) -> Figure:
    """Share of first among the verdicts first and second."""
    decided = seen.where(np.isin(seen.verdict, (FIRST, SECOND)))
    return sampler.share(decided.verdict == FIRST, decided.cluster)


def kappa(seen: Verdicts, sampler: Resampler) -> Figure:
    """Cohen's kappa of the verdicts with gold over first, second, tie and invalid.

    Gold is never invalid, so an invalid verdict never agrees.
    """
    asked = seen.where(seen.gold != NONE)
    cells = (asked.verdict + 1) * _LABELS + asked.gold + 1
    counts = sampler.tally(asked.cluster, cells, None, _LABELS**2)
    return sampler.figure(counts, cohen_kappa, len(asked))


def brier(seen: Verdicts, sampler: Resampler) -> Figure:
    """Mean of (p_first - gold)^2 (Brier 1950), with gold 1 for first, 0 for second, 0.5 for tie."""
    asked = seen.where((seen.gold != NONE) & ~np.isnan(seen.p_first))
    return sampler.mean((asked.p_first - _target(asked)) ** 2, asked.cluster)


def ece(seen: Verdicts, sampler: Resampler) -> Figure:
    """Expected calibration error of `p_first` (Naeini et al. 2015; Guo et al. 2017).

    Over 10 bins of equal width [k/10, (k+1)/10), the last closed: the mean of |mean p - mean
    gold| weighted by the bins' rows. Resampling adds noise that only ever raises it, so the
    resamples are shifted down by their mean excess before their percentiles are taken.
    """
    asked = seen.where((seen.gold != NONE) & ~np.isnan(seen.p_first))
    if not len(asked):
        return NOTHING
    bins = np.minimum((asked.p_first * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    gaps = sampler.tally(asked.cluster, bins, asked.p_first - _target(asked), ECE_BINS)
    rows = sampler.sums(asked.cluster, np.ones(len(asked)))
    return sampler.figure(np.hstack([gaps, rows]), _ece, len(asked), recentre=True)


def calibration(seen: Verdicts, seed: int) -> list[dict[str, Any]]:
    """The reliability diagram behind `ece`: for each bin that has rows, the mean `p` said in it,
    and the share of gold (a tie as one half) with its interval by prompt."""
    asked = seen.where((seen.gold != NONE) & ~np.isnan(seen.p_first))
    bins = np.minimum((asked.p_first * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    target, found = _target(asked), []
    sampler = Resampler.of(asked.cluster, seed)
    for one in np.unique(bins):
        rows = bins == one
        share = sampler.ratio(target[rows], np.ones(int(rows.sum())), asked.cluster[rows])
        found.append({"p": float(asked.p_first[rows].mean())} | share.as_dict())
    return found


def _ece(sums: Floats) -> Floats:
    found: Floats = np.abs(sums[:, :-1]).sum(axis=1) / sums[:, -1]
    return found


def _target(seen: Verdicts) -> Floats:
    found: Floats = (seen.gold + 1) / 2
    return found
