"""Win rates of models against their opponents, as they are and with length taken out.

Length-controlled win rates are those of a logistic regression of the preference, after Dubois,
Galambosi, Liang and Hashimoto 2024, "Length-Controlled AlpacaEval" (arXiv 2404.04475). For a pair
of models a and b on prompt x, with d the length of a's response less that of b's, in standard
deviations of that difference over all pairs of the two models:

    logit P(a preferred) = theta_a - theta_b
                         + (phi_a + phi_b) tanh(d)
                         + (psi_a - psi_b) gamma_x

The length-controlled win rate of a model is the mean of P over its pairs with the length
term at 0. The difficulty gamma_x of a prompt is in the model only where one baseline is in every
pair and some prompt has several of them (psi and gamma of the baseline are 0); without a
baseline what a prompt does to both responses cancels.

What differs from the paper: all models are fitted at once; phi and psi have a unit normal
prior (theta a weak ridge) in place of a penalty chosen by cross-validation; gamma comes from
a first fit of this table with every psi at 1 and a unit normal prior on each gamma, not from
the leaderboard's 200 models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prefline.audit.verdicts import Verdicts
from prefline.stats import Bools, Floats, Ints
from prefline.stats.bootstrap import NOTHING, Figure, Resampler
from prefline.stats.bradley_terry import ratings
from prefline.stats.logistic import Fit, Terms, fit, sigmoid


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs of responses of two different models, arrays of shape `(pairs,)`.

    `model` and `other` are numbers of models, model < other; `liked` is the mean preference
    for `model`'s response over all verdicts of all judges on the pair in both orders;
    `longer` is the length of `model`'s response less the other's, NaN if not known.
    """

    model: Ints
    other: Ints
    liked: Floats
    longer: Floats
    prompt: Ints
    cluster: Ints

    def where(self, rows: Bools) -> Matches:
        """Return the pairs where `rows`, of shape `(pairs,)`, holds."""
        return Matches(
            self.model[rows],
            self.other[rows],
            self.liked[rows],
            self.longer[rows],
            self.prompt[rows],
            self.cluster[rows],
        )


def matches_of(verdicts: Verdicts) -> Matches:
    """Return the pairs that have a valid verdict and whose two models differ."""
    named = (verdicts.first_model >= 0) & (verdicts.second_model >= 0)
    verdicts = verdicts.where(
        named & (verdicts.first_model != verdicts.second_model) & ~np.isnan(verdicts.preference)
    )
    turned = verdicts.first_model > verdicts.second_model
    liked = np.where(turned, 1 - verdicts.preference, verdicts.preference)
    longer = (verdicts.first_length - verdicts.second_length) * np.where(turned, -1, 1)
    _, start, place = np.unique(verdicts.pair, return_index=True, return_inverse=True)
    return Matches(
        model=np.minimum(verdicts.first_model, verdicts.second_model)[start],
        other=np.maximum(verdicts.first_model, verdicts.second_model)[start],
        liked=np.bincount(place, liked, len(start)) / np.bincount(place, minlength=len(start)),
        longer=longer[start],
        prompt=verdicts.prompt[start],
        cluster=verdicts.cluster[start],
    )


def model_figures(verdicts: Verdicts, models: Sequence[str], seed: int) -> dict[str, Any]:
    """Return win rate, length-controlled win rate and rating of each model, over all judges."""
    matches = matches_of(verdicts)
    sampler = Resampler.of(matches.cluster, seed)
    controlled = length_controlled(matches, len(models), sampler)
    sides = np.stack([matches.model, matches.other], axis=1)
    rated = ratings(sides, matches.liked, matches.cluster, len(models), sampler)
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
    """Return the mean preference for a model's response over its pairs (both orders' mean).

    A verdict's preference is `p_first` where there is one, as AlpacaEval 2 has it (Dubois et
    al. 2024), else 1, 0, or 0.5 for a tie; an invalid verdict is left out.
    """
    mine = (matches.model == model) | (matches.other == model)
    liked = np.where(matches.model == model, matches.liked, 1 - matches.liked)[mine]
    return sampler.ratio(liked, np.ones(len(liked)), matches.cluster[mine])


_RIDGE = (0.01, 1.0, 1.0)  # of theta, phi and psi: weak on strength, unit normal on the rest
_ROUNDS, _TOLERANCE = 50, 1e-4  # of the first fit, which gives difficulties


def length_controlled(matches: Matches, n_models: int, sampler: Resampler) -> list[Figure]:
    """Return the length-controlled win rate of each model, in the order of their numbers.

    A model without a pair of known lengths has none. The interval is that of the score
    bootstrap (Kline and Santos 2012), the difficulties taken as given.
    """
    known = matches.where(~np.isnan(matches.longer))
    if not len(known.model):
        return [NOTHING] * n_models
    length, difficulty = _length_terms(known), np.zeros(len(known.model))
    base = _baseline(known)
    if base is not None and _prompts_repeat(known):
        difficulty = _difficulties(known, length, n_models, base)
    terms = _terms(known, length, difficulty, n_models)
    fitted = fit(terms, known.liked, np.repeat(_RIDGE, n_models))
    if fitted is None:
        return [NOTHING] * n_models
    without = _terms(known, np.zeros(len(length)), difficulty, n_models)
    return [_controlled(known, fitted, terms, without, m, sampler) for m in range(n_models)]


def _baseline(matches: Matches) -> int | None:
    """Return the model that is in every pair, if there is just one."""
    common = {int(matches.model[0]), int(matches.other[0])}
    inside = [m for m in common if ((matches.model == m) | (matches.other == m)).all()]
    return inside[0] if len(inside) == 1 else None


def _prompts_repeat(matches: Matches) -> bool:
    prompts = matches.prompt[matches.prompt >= 0]
    return len(np.unique(prompts)) < len(prompts)


def _length_terms(matches: Matches) -> Floats:
    """Return tanh of the length difference in standard deviations, shape `(pairs,)`.

    The deviation is that of the pair of models, or of all where theirs is 0 or unknown.
    """
    width = int(matches.other.max()) + 1
    _, group = np.unique(matches.model * width + matches.other, return_inverse=True)
    n = np.bincount(group)
    mean = np.bincount(group, matches.longer) / n
    spread = np.sqrt(np.bincount(group, (matches.longer - mean[group]) ** 2) / n)
    spread[spread == 0] = np.std(matches.longer) or 1.0
    terms: Floats = np.tanh(matches.longer / spread[group])
    return terms


def _terms(matches: Matches, length: Floats, difficulty: Floats, n_models: int) -> Terms:
    """Return the terms of theta, phi and psi of every model: `3 * n_models` coefficients."""
    a, b, one = matches.model, matches.other, np.ones(len(length))
    columns = [a, b, a + n_models, b + n_models, a + 2 * n_models, b + 2 * n_models]
    values = [one, -one, length, length, difficulty, -difficulty]
    return Terms(np.stack(columns, axis=1), np.stack(values, axis=1), 3 * n_models)


def _difficulties(matches: Matches, length: Floats, n_models: int, base: int) -> Floats:
    """Return gamma_x of each pair's prompt, 0 where that is not known, shape `(pairs,)`.

    Coordinate descent: theta and phi with gamma as an offset, then one Newton step for each
    gamma by itself; the penalised likelihood is concave, so this ends at its maximum.
    """
    sign = np.where(matches.other == base, 1.0, -1.0) * (matches.prompt >= 0)
    _, prompt = np.unique(matches.prompt, return_inverse=True)
    terms = _terms(matches, length, np.zeros(len(length)), n_models)
    gamma = np.zeros(int(prompt.max()) + 1)
    for _ in range(_ROUNDS):
        offset = sign * gamma[prompt]
        fitted = fit(terms, matches.liked, np.repeat(_RIDGE, n_models), offset)
        if fitted is None:
            break
        p = matches.liked - fitted.residual
        slope = np.bincount(prompt, sign * fitted.residual) - gamma
        curve = np.bincount(prompt, sign**2 * p * (1 - p)) + 1.0
        step = slope / curve
        gamma = gamma + step
        if np.abs(step).max() < _TOLERANCE:
            break
    return gamma[prompt] * (matches.prompt >= 0)


def _controlled(
    matches: Matches, fitted: Fit, terms: Terms, without: Terms, model: int, sampler: Resampler
) -> Figure:
    """Return the length-controlled win rate of one model; `without` are the terms less length."""
    mine = (matches.model == model) | (matches.other == model)
    n = int(np.count_nonzero(mine))
    if not n:
        return NOTHING
    p = sigmoid(without.times(fitted.beta))
    wins = np.where(matches.model == model, p, 1 - p) * mine
    value = float(wins.sum() / n)
    slope = np.where(matches.model == model, 1.0, -1.0) * mine * p * (1 - p) / n
    influence = (wins - value * mine) / n + fitted.influence(terms, without.sums(slope))
    figure = sampler.linear(value, influence, matches.cluster, n)
    if figure.low is None or figure.high is None:
        return figure
    return Figure(figure.value, max(0.0, figure.low), min(1.0, figure.high), figure.n)
