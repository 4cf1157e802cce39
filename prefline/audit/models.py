"""How often each model wins against its opponents, as it is and with length taken out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from prefline.audit.length_control import length_controlled
from prefline.audit.matches import Matches, matches_of
from prefline.audit.verdicts import Verdicts
from prefline.stats.bootstrap import Resampler
from prefline.stats.bradley_terry import ratings
from prefline.stats.intervals import Figure


def model_figures(seen: Verdicts, models: Sequence[str], seed: int) -> dict[str, Any]:
    """Win rate, length-controlled win rate and rating of each model, by name, over all judges."""
    matches = matches_of(seen)
    sampler = Resampler.of(matches.cluster, seed)
    controlled = length_controlled(matches, len(models), sampler)
    rated = ratings(matches, len(models), sampler)
    return {
        name: {
            "n_pairs": int(np.count_nonzero((matches.model == m) | (matches.other == m))),
            "win_rate": win_rate(matches, m, sampler).as_dict(),
            "length_controlled_win_rate": controlled[m].as_dict(),
            "bradley_terry": rated[m].as_dict(),
        }
        for m, name in enumerate(models)
    }


def win_rate(matches: Matches, model: int, sampler: Resampler) -> Figure:
    """The mean, over a model's pairs, of the preference for its response (both orders' mean).

    A verdict's preference is `p_first` where there is one, as AlpacaEval 2 has it (Dubois et
    al. 2024), else 1, 0, or 0.5 for a tie; an invalid verdict is left out.
    """
    mine = (matches.model == model) | (matches.other == model)
    liked = np.where(matches.model == model, matches.liked, 1 - matches.liked)[mine]
    return sampler.ratio(liked, np.ones(len(liked)), matches.cluster[mine])
