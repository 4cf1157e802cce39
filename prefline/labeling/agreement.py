"""Labels from agreement alone: scores freed of biases, their consensus, and how far to trust it.

**Trust** is 1 where one factor explains the agreement and 0 where it does not (`misfit`). Without
trust labels fall back on equal weights with a wider margin, the truth having squared correlation
1 / (1 + (misfit / limit)^2) with the consensus. One or two annotators, whom agreement cannot
weigh, are taken at their word, as independent given the truth.

What is not known of position biases is averaged over: logistic(m / sqrt(1 + pi s^2 / 8)) for
log-odds m with standard deviation s (MacKay 1992).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from prefline.labeling.consensus import (
    MISFIT_LIMIT,
    Factor,
    Kind,
    agreement_log_odds,
    fit_factor,
    misfit,
)
from prefline.labeling.scores import Scores, own_length_bias, score_votes
from prefline.labeling.votes import Votes
from prefline.stats import Floats

_FEWEST_WEIGHED = 3  # annotators that their agreement can weigh


@dataclass(frozen=True, slots=True)
class Agreement:
    """The labels that the verdicts give without any truth.

    `length_bias` (J,) is what was taken off, in log-odds per unit of log length ratio; `trust` in
    [0, 1]; `log_odds` (N,) of the lower id with standard errors `log_odds_se` (N,).
    """

    scores: Scores
    length_bias: Floats
    equal: Factor
    factor: Factor
    principal: Factor
    trust: float
    log_odds: Floats
    log_odds_se: Floats

    @property
    def fits(self) -> list[Factor]:
        """The fits that anchors may start from."""
        return [self.equal, self.principal] if self.scores.n_annotators > 1 else [self.equal]

    @property
    def part(self) -> Floats:
        """Each annotator's part (J,) in the agreement, before normalising."""
        return self.trust * self.factor.part + (1 - self.trust) * self.equal.part


def agree(votes: Votes, shared_length_bias: float) -> Agreement:
    """Return the agreement of annotators, at least one.

    `shared_length_bias` is the share, in [0, 1], of the effect of length that all annotators
    have in common which is taken for bias: nothing but anchors can tell it from quality.
    """
    scores, length_bias = _free_of_length(votes, score_votes(votes), shared_length_bias)
    factor, equal = fit_factor(scores, Kind.FACTOR), fit_factor(scores, Kind.EQUAL)
    principal = fit_factor(scores, Kind.PRINCIPAL)
    trust = _trust(scores, factor)
    if scores.n_annotators < _FEWEST_WEIGHED:
        log_odds, se = _at_their_word(scores)
    else:
        log_odds, se = _by_consensus(scores, factor, equal, trust)
    return Agreement(scores, length_bias, equal, factor, principal, trust, log_odds, se)


def lean_variance(scores: Scores, part: Floats) -> Floats:
    """Return the variance (N,) of a consensus of mean square 1 from position biases' errors."""
    weight = part[scores.annotator]
    error = weight * scores.lean * scores.lean_se[scores.annotator]
    size = scores.per_pair(weight * scores.score)
    return np.asarray(scores.per_pair(error**2) / max(float(np.mean(size**2)), 1e-12))


def _trust(scores: Scores, factor: Factor) -> float:
    return max(0.0, 1 - misfit(scores, factor) / MISFIT_LIMIT)


def _free_of_length(votes: Votes, scores: Scores, shared: float) -> tuple[Scores, Floats]:
    """Return scores without the length bias in which annotators differ, and that bias (J,)."""
    if not np.any(votes.log_ratio):
        return scores, np.zeros(scores.n_annotators)
    factor = fit_factor(scores, Kind.FACTOR)
    bias = _trust(scores, factor) * own_length_bias(
        scores, votes.log_ratio, factor.loading, votes.human, shared
    )
    freed = scores.score - bias[scores.annotator] * votes.log_ratio[scores.pair]
    return scores.with_score(freed), bias * scores.unit


def _by_consensus(
    scores: Scores, factor: Factor, equal: Factor, trust: float
) -> tuple[Floats, Floats]:
    rho2 = 1 / (1 + (1 - trust) ** 2)
    by_factor = agreement_log_odds(factor, 1.0)
    by_equal = agreement_log_odds(equal, rho2)
    log_odds = trust * by_factor + (1 - trust) * by_equal
    n = scores.per_annotator()
    noise = scores.per_pair(scores.score**2 / n[scores.annotator])
    lean = lean_variance(scores, factor.part) * float(np.mean(log_odds**2))
    se = np.sqrt(noise + lean + (by_factor - by_equal) ** 2 / 12)
    return log_odds / np.sqrt(1 + math.pi * lean / 8), se


def _at_their_word(scores: Scores) -> tuple[Floats, Floats]:
    log_odds = scores.per_pair(scores.score * scores.unit[scores.annotator])
    lean = scores.per_pair((scores.lean * (scores.lean_se * scores.unit)[scores.annotator]) ** 2)
    return log_odds / np.sqrt(1 + math.pi * lean / 8), np.sqrt(lean + log_odds**2)
