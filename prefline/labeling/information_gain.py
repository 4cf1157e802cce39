"""Expected information gain: the expected error of labels now, and after more answers.

The value of a question before it is asked (preposterior analysis: Raiffa and Schlaifer, Applied
Statistical Decision Theory, 1961, part II) in the model of `log_odds_model.py`. A pair's label is
the sign of z, which given all answers so far is normal with variance s^2, so that the label is
wrong with probability Phi(-|d|), d the mean over s. Answers that bring the variance to s'^2 move
the mean by a normal step of variance s^2 - s'^2, whatever they will say. z and the mean then are
jointly normal, and the chance that their signs differ is

    2 T(|d|, s' / sqrt(s^2 - s'^2)),    T(h, a) Owen's function (Owen 1956),

Phi(-|d|) where nothing is learnt and 0 where all is. The parameters are taken as known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri_exp, owens_t

from prefline.labeling.annotators import collect_votes, main_annotators
from prefline.labeling.calibration import DIGITS, VERIFIER_ACCURACY
from prefline.labeling.evidence import Evidence
from prefline.labeling.fit import fit
from prefline.labeling.log_odds_model import Parameters, consensus_weights, truth_variance
from prefline.stats import Floats, Ints

_TINY = 1e-12  # of a variance: nothing is learnt


@dataclass(frozen=True, slots=True)
class FittedLabels:
    """The fitted annotators, and where each pair stands.

    `log_odds` (N,) are those of `label`, `count` (N, J) the answers of each annotator,
    `annotator_of` the place of the annotator as which each judge would answer again.
    """

    parameters: Parameters
    order_variance: Floats
    log_odds: Floats
    count: Ints
    annotator_of: dict[str, int]

    @property
    def deviate(self) -> Floats:
        """|d| (N,), the mean of z over its standard deviation."""
        return deviate(self.log_odds)

    def variance(self, count: Ints) -> Floats:
        """Return the variance of z (n,) after `count` (n, J) answers."""
        _, variance = consensus_weights(self.parameters, self.order_variance, count)
        return truth_variance(self.parameters, variance)


def fit_labels(
    evidence: Sequence[Evidence], verifier_accuracy: float = VERIFIER_ACCURACY
) -> FittedLabels | None:
    """Fit the annotators to `evidence`; None where no model judge has answered yet."""
    votes = collect_votes(evidence)
    if not votes.annotators:
        return None
    fitted = fit(votes, verifier_accuracy)
    log_odds = np.round(fitted.log_odds, DIGITS)
    return FittedLabels(
        fitted.parameters, fitted.order_variance, log_odds, votes.count, main_annotators(votes)
    )


def deviate(log_odds: Floats) -> Floats:
    """Return |d| (N,) of labels with these log-odds: Phi(-|d|) = 1 / (1 + exp(|log-odds|))."""
    return np.asarray(-ndtri_exp(-np.logaddexp(0.0, np.abs(log_odds))))


def expected_error(deviates: Floats, before: Floats, after: Floats) -> Floats:
    """Return the expected share of wrong labels (N,) once the variance of z has gone from
    `before` to `after`, for labels that now are `deviates` standard deviations from 0."""
    learnt = np.asarray(before - after)
    ahead = 2 * owens_t(deviates, np.sqrt(after / np.maximum(learnt, _TINY)))
    return np.asarray(np.where(learnt <= _TINY, ndtr(-deviates), ahead))
