"""Which model is the best: ratings from who is preferred to whom (Bradley and Terry 1952).

log-odds that a's response is preferred to b's = rating_a - rating_b, fitted by maximum likelihood
over all pairs of two models (a preference of p_first counts as such, a tie as one half), with a
weak ridge of 0.01 so that an undefeated model has a rating too. Ratings are centred on their mean:
above 0 is better than the models' average. Between models that no chain of pairs joins there is no
comparison, so then there are no ratings.
"""

from __future__ import annotations

import numpy as np

from prefline.audit.matches import Matches
from prefline.audit.verdicts import Bools
from prefline.stats.bootstrap import NOTHING, Resampler
from prefline.stats.intervals import Figure
from prefline.stats.logistic import Terms, fit

_RIDGE = 0.01


def ratings(matches: Matches, n_models: int, sampler: Resampler) -> list[Figure]:
    """The rating of each model in log-odds, in the order of their numbers, with the interval of
    the score bootstrap (Kline and Santos 2012); nothing for a model without a pair."""
    there = np.zeros(n_models, dtype=bool)
    there[matches.model], there[matches.other] = True, True
    if not there.any() or not _joined(matches, there):
        return [NOTHING] * n_models
    columns = np.stack([matches.model, matches.other], axis=1)
    values = np.tile([1.0, -1.0], (len(columns), 1))
    terms = Terms(columns, values, n_models)
    found = fit(terms, matches.liked, _RIDGE)
    if found is None:
        return [NOTHING] * n_models
    centre = there / there.sum()
    figures = []
    for model in range(n_models):
        direction = np.eye(n_models)[model] - centre
        n = int(np.count_nonzero((matches.model == model) | (matches.other == model)))
        influence = found.influence(terms, direction)
        rating = float(direction @ found.beta)
        figures.append(sampler.linear(rating, influence, matches.cluster, n) if n else NOTHING)
    return figures


def _joined(matches: Matches, there: Bools) -> bool:
    """Whether a chain of pairs leads from every model that is there to every other."""
    reached = np.zeros(len(there), dtype=bool)
    reached[matches.model[0]] = True
    while True:
        touched = reached[matches.model] | reached[matches.other]
        grown = reached.copy()
        grown[matches.model[touched]] = grown[matches.other[touched]] = True
        if (grown == reached).all():
            return bool(reached[there].all())
        reached = grown
