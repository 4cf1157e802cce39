"""What a judge's verdicts follow beside quality: position, length, its own model; cycles."""

from __future__ import annotations

import numpy as np

from prefline.audit.columns import FIRST, SECOND
from prefline.audit.cycles import cycles_of
from prefline.audit.verdicts import Floats, Ints, Verdicts
from prefline.stats.bootstrap import NOTHING, Resampler
from prefline.stats.intervals import Figure
from prefline.stats.logistic import Terms, fit

P_LEAST = 1e-6


def bias_figures(seen: Verdicts, seed: int) -> dict[str, Figure]:
    """The biases of one judge, by name."""
    sampler = Resampler.of(seen.cluster, seed)
    return {
        "position_bias": position_bias(seen, sampler),
        "length_bias": length_bias(seen, sampler),
        "win_rate_longer": win_rate_longer(seen, sampler),
        "intransitive": intransitive(seen, sampler),
    }


def position_bias(seen: Verdicts, sampler: Resampler) -> Figure:
    """Mean log-odds of `p_first`, in nats: above 0 favours what is shown first.

    Over both orders of a pair what the judge thinks of the two cancels; where each pair was
    judged in one order drawn at random, it does so on average. p is held 1e-6 from 0 and 1.
    """
    asked = seen.where(~np.isnan(seen.p_first))
    p = np.clip(asked.p_first, P_LEAST, 1 - P_LEAST)
    return sampler.mean(np.log(p / (1 - p)), asked.cluster)


def length_bias(seen: Verdicts, sampler: Resampler) -> Figure:
    """The slope b of logit P(first preferred) = a + b log(first_length / second_length).

    The target is `p_first`, else the verdict with a tie as 0.5; invalid verdicts are left
    out; a length of 0 counts as 1. At b = 0.7 twice the length doubles the odds 2^0.7 = 1.6
    times. The interval is that of the score bootstrap (Kline and Santos 2012).
    """
    ratio = _log_ratio(seen)
    rows = ~np.isnan(ratio) & ~np.isnan(seen.preference)
    asked = seen.where(rows)
    values = np.stack([np.ones(len(asked)), ratio[rows]], axis=1)
    terms = Terms(np.tile(np.arange(2), (len(asked), 1)), values, 2)
    found = fit(terms, asked.preference) if len(asked) else None
    if found is None:
        return NOTHING
    influence = found.influence(terms, np.array([0.0, 1.0]))
    return sampler.linear(float(found.beta[1]), influence, asked.cluster, len(asked))


def win_rate_longer(seen: Verdicts, sampler: Resampler) -> Figure:
    """Share of the verdicts first and second that go to the longer of two unequal lengths."""
    longer = np.sign(seen.first_length - seen.second_length)
    asked = np.isin(seen.verdict, (FIRST, SECOND)) & (np.abs(longer) == 1)
    return sampler.share(seen.verdict[asked] == longer[asked], seen.cluster[asked])


def intransitive(seen: Verdicts, sampler: Resampler) -> Figure:
    """Share of cyclic ones among triples of responses of which all three pairs are decided.

    A pair goes to the response with more verdicts over all its rows; an even one is not
    decided. A is preferred to B, B to C, C to A: cyclic (Kendall and Babington Smith 1940).
    """
    found = cycles_of(seen)
    return sampler.ratio(found.cyclic.astype(float), found.triples.astype(float), found.cluster)


def self_preference(seen: Verdicts, others: Verdicts, model: int, seed: int) -> Figure:
    """How much more of the preference a judge gives its own model than the other judges do.

    The mean over pairs of the judge's preference for the model's response less that of all
    other judges, on pairs that both have judged, of which one response is the model's.
    """
    own, theirs = _for_model(seen, model), _for_model(others, model)
    pairs, mine, yours = np.intersect1d(own[0], theirs[0], return_indices=True)
    if not len(pairs):
        return NOTHING
    clusters = own[2][mine]
    return Resampler.of(clusters, seed).mean(own[1][mine] - theirs[1][yours], clusters)


def _for_model(seen: Verdicts, model: int) -> tuple[Ints, Floats, Ints]:
    """Pairs with one response of the model; mean preference for it; prompt: each `(pairs,)`."""
    is_first, is_second = seen.first_model == model, seen.second_model == model
    rows = (is_first != is_second) & ~np.isnan(seen.preference)
    liked = np.where(is_first, seen.preference, 1 - seen.preference)[rows]
    pairs, start, place = np.unique(seen.pair[rows], return_index=True, return_inverse=True)
    means = np.bincount(place, liked, len(pairs)) / np.bincount(place, minlength=len(pairs))
    return pairs, means, seen.cluster[rows][start]


def _log_ratio(seen: Verdicts) -> Floats:
    found: Floats = np.log(np.maximum(seen.first_length, 1) / np.maximum(seen.second_length, 1))
    return found
