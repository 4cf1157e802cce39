"""Win rates with the effect of length taken out: a logistic regression of the preference.

After Dubois, Galambosi, Liang and Hashimoto 2024, "Length-Controlled AlpacaEval"
(arXiv 2404.04475). For a pair of models a and b on prompt x, with d the length of a's response
less that of b's, in standard deviations of that difference over all pairs of the two models:

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

import numpy as np

from prefline.audit.matches import Matches
from prefline.audit.verdicts import Floats
from prefline.stats.bootstrap import NOTHING, Resampler
from prefline.stats.intervals import Figure
from prefline.stats.logistic import Fit, Terms, fit, sigmoid

_RIDGE = (0.01, 1.0, 1.0)  # of theta, phi and psi: weak on strength, unit normal on the rest
_ROUNDS, _TOLERANCE = 50, 1e-4  # of the first fit, which gives difficulties


def length_controlled(matches: Matches, n_models: int, sampler: Resampler) -> list[Figure]:
    """The length-controlled win rate of each model, in the order of their numbers.

    A model without a pair of known lengths has none. The interval is that of the score
    bootstrap (Kline and Santos 2012), the difficulties taken as given.
    """
    known = matches.where(~np.isnan(matches.longer))
    if not len(known.model):
        return [NOTHING] * n_models
    length, difficulty = _length_terms(known), np.zeros(len(known.model))
    base = baseline(known)
    if base is not None and _prompts_repeat(known):
        difficulty = _difficulties(known, length, (n_models, base))
    terms = _terms(known, length, difficulty, n_models)
    found = fit(terms, known.liked, np.repeat(_RIDGE, n_models))
    if found is None:
        return [NOTHING] * n_models
    without = _terms(known, np.zeros(len(length)), difficulty, n_models)
    return [_figure(known, (found, terms, without), m, sampler) for m in range(n_models)]


def baseline(matches: Matches) -> int | None:
    """The model that is in every pair, if there is just one."""
    common = {int(matches.model[0]), int(matches.other[0])}
    inside = [m for m in common if ((matches.model == m) | (matches.other == m)).all()]
    return inside[0] if len(inside) == 1 else None


def _prompts_repeat(matches: Matches) -> bool:
    prompts = matches.prompt[matches.prompt >= 0]
    return len(np.unique(prompts)) < len(prompts)


def _length_terms(matches: Matches) -> Floats:
    """tanh of the length difference in standard deviations, shape `(pairs,)`.

    The deviation is that of the pair of models, or of all where theirs is 0 or unknown.
    """
    width = int(matches.other.max()) + 1
    _, group = np.unique(matches.model * width + matches.other, return_inverse=True)
    n = np.bincount(group)
    mean = np.bincount(group, matches.longer) / n
    spread = np.sqrt(np.bincount(group, (matches.longer - mean[group]) ** 2) / n)
    spread[spread == 0] = np.std(matches.longer) or 1.0
    found: Floats = np.tanh(matches.longer / spread[group])
    return found


def _terms(matches: Matches, length: Floats, difficulty: Floats, n_models: int) -> Terms:
    """theta, phi and psi of every model, in that order: `3 * n_models` coefficients."""
    a, b, one = matches.model, matches.other, np.ones(len(length))
    columns = [a, b, a + n_models, b + n_models, a + 2 * n_models, b + 2 * n_models]
    values = [one, -one, length, length, difficulty, -difficulty]
    return Terms(np.stack(columns, axis=1), np.stack(values, axis=1), 3 * n_models)


def _difficulties(matches: Matches, length: Floats, models: tuple[int, int]) -> Floats:
    """gamma_x of each pair's prompt, 0 where that is not known, shape `(pairs,)`.

    Coordinate descent: theta and phi with gamma as an offset, then one Newton step for each
    gamma by itself; the penalised likelihood is concave, so this ends at its maximum.
    """
    n_models, base = models
    sign = np.where(matches.other == base, 1.0, -1.0) * (matches.prompt >= 0)
    _, prompt = np.unique(matches.prompt, return_inverse=True)
    terms = _terms(matches, length, np.zeros(len(length)), n_models)
    gamma = np.zeros(int(prompt.max()) + 1)
    for _ in range(_ROUNDS):
        offset = sign * gamma[prompt]
        found = fit(terms, matches.liked, np.repeat(_RIDGE, n_models), offset)
        if found is None:
            break
        fitted = matches.liked - found.residual
        slope = np.bincount(prompt, sign * found.residual) - gamma
        curve = np.bincount(prompt, sign**2 * fitted * (1 - fitted)) + 1.0
        step = slope / curve
        gamma = gamma + step
        if np.abs(step).max() < _TOLERANCE:
            break
    return gamma[prompt] * (matches.prompt >= 0)


def _figure(
    matches: Matches, fitted: tuple[Fit, Terms, Terms], model: int, sampler: Resampler
) -> Figure:
    """The length-controlled win rate of one model."""
    found, terms, without = fitted
    mine = (matches.model == model) | (matches.other == model)
    n = int(np.count_nonzero(mine))
    if not n:
        return NOTHING
    p = sigmoid(without.times(found.beta))
    wins = np.where(matches.model == model, p, 1 - p) * mine
    value = float(wins.sum() / n)
    slope = np.where(matches.model == model, 1.0, -1.0) * mine * p * (1 - p) / n
    influence = (wins - value * mine) / n + found.influence(terms, without.sums(slope))
    figure = sampler.linear(value, influence, matches.cluster, n)
    return _inside(figure)


def _inside(figure: Figure) -> Figure:
    """A share whose interval was cut to 0 to 1."""
    if figure.low is None or figure.high is None:
        return figure
    return Figure(figure.value, max(0.0, figure.low), min(1.0, figure.high), figure.n)
