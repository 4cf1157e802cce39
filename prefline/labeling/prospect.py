"""What more answers would do to the labels: the chance to be wrong now, and then.

The value of a question before it is asked (preposterior analysis: Raiffa and Schlaifer, Applied
Statistical Decision Theory, 1961, part II) in the model of `margin.py`. A pair's label is the
sign of its margin, which given all answers so far is normal with variance s^2, so that the label
is wrong with probability Phi(-|z|), z the mean over s. Answers that bring the variance to s'^2
move the mean by a normal step of variance s^2 - s'^2, whatever they will say. The margin and the
mean then are jointly normal, and the chance that their signs differ is

    2 T(|z|, s' / sqrt(s^2 - s'^2)),    T(h, a) Owen's function (Owen 1956),

Phi(-|z|) where nothing is learnt and 0 where all is. The parameters are taken as known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri_exp, owens_t

from prefline.labeling.calibrate import DIGITS, VERIFIER_ACCURACY
from prefline.labeling.evidence import Evidence
from prefline.labeling.fit import fit
from prefline.labeling.margin import Theta, margin_variance, weights
from prefline.labeling.voices import hear, main_voices

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
_TINY = 1e-12  # of a variance: nothing is learnt


@dataclass(frozen=True, slots=True)
class Prospect:
    """The fitted judges, and where each pair stands.

    `log_odds` (N,) are those of `weigh`, `count` (N, V) the answers of each voice, `voice_of`
    the voice in which each judge mostly speaks: the one in which it would answer again.
    """

    theta: Theta
    order_variance: Floats
    log_odds: Floats
    count: Counts
    voice_of: dict[str, int]

    @property
    def deviate(self) -> Floats:
        """|z| (N,), the margin's mean over its standard deviation."""
        return deviate(self.log_odds)

    def variance(self, count: Counts) -> Floats:
        """Of the margin (n,), after `count` (n, V) answers."""
        return margin_variance(self.theta, weights(self.theta, self.order_variance, count)[1])


def look_ahead(
    evidence: Sequence[Evidence], verifier_accuracy: float = VERIFIER_ACCURACY
) -> Prospect | None:
    """Fit the judges to `evidence`; None where no model judge has answered yet."""
    heard = hear(evidence)
    if not heard.voices:
        return None
    found = fit(heard, verifier_accuracy)
    odds = np.round(found.log_odds, DIGITS)
    return Prospect(found.theta, found.order_variance, odds, heard.count, main_voices(heard))


def deviate(log_odds: Floats) -> Floats:
    """|z| (N,) of labels with these log-odds: Phi(-|z|) = 1 / (1 + exp(|log-odds|))."""
    return np.asarray(-ndtri_exp(-np.logaddexp(0.0, np.abs(log_odds))))


def chance_of_error(z: Floats, before: Floats, after: Floats) -> Floats:
    """Expected share of wrong labels (N,) once the margin's variance has gone from `before` to
    `after`, for labels that now are |z| standard deviations from 0."""
    learnt = np.asarray(before - after)
    ahead = 2 * owens_t(z, np.sqrt(after / np.maximum(learnt, _TINY)))
    return np.asarray(np.where(learnt <= _TINY, ndtr(-z), ahead))
