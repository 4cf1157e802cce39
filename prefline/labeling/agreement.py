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
    posterior,
)
from prefline.labeling.scores import Scores, own_length_bias, score_votes
from prefline.labeling.votes import Votes
from prefline.stats import Floats

_FEWEST_WEIGHED = 3  # annotators that their agreement can weigh


@dataclass(frozen=True, slots=True)
class Scale:
    """Figures of all pairs of a fit: how many each annotator judged (J,), the mean squares of the
    linear parts of the factor and of equal weights, and of the consensus's log-odds."""

    n_pairs: Floats
    factor: float
    equal: float
    log_odds: float


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
    scale: Scale

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
    scale = Scale(
        scores.per_annotator(),
        _mean_square(scores, factor.part),
        _mean_square(scores, equal.part),
        float(np.mean(_consensus_log_odds(factor, equal, trust)[0] ** 2)),
    )
    log_odds, se = _log_odds(scores, factor, equal, trust, scale)
    return Agreement(scores, length_bias, equal, factor, principal, trust, log_odds, se, scale)


def agree_as(fitted: Agreement, votes: Votes) -> Agreement:
    """Return the agreement on other pairs by the same annotators, as they were fitted."""
    scores = score_votes(votes, fitted.scores)
    taken = (fitted.length_bias / scores.unit)[scores.annotator] * votes.log_ratio[scores.pair]
    scores = scores.with_score(scores.score - taken)
    equal, factor, principal = (
        posterior(scores, each.loading, each.noise)
        for each in (fitted.equal, fitted.factor, fitted.principal)
    )
    log_odds, se = _log_odds(scores, factor, equal, fitted.trust, fitted.scale)
    return Agreement(
        scores, fitted.length_bias, equal, factor, principal, fitted.trust, log_odds, se,
        fitted.scale,
    )  # fmt: skip


def lean_variance(scores: Scores, part: Floats, mean_square: float) -> Floats:
    """Return the variance (N,) of a consensus of mean square 1 from position biases' errors;
    `mean_square` is that of its linear `part` before normalising."""
    error = part[scores.annotator] * scores.lean * scores.lean_se[scores.annotator]
    return np.asarray(scores.per_pair(error**2) / max(mean_square, 1e-12))


def _mean_square(scores: Scores, part: Floats) -> float:
    size = scores.per_pair(part[scores.annotator] * scores.score)
    return float(np.mean(size**2))


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


def _log_odds(
    scores: Scores, factor: Factor, equal: Factor, trust: float, scale: Scale
) -> tuple[Floats, Floats]:
    if scores.n_annotators < _FEWEST_WEIGHED:
        return _at_their_word(scores)
    log_odds, by_factor, by_equal = _consensus_log_odds(factor, equal, trust)
    noise = scores.per_pair(scores.score**2 / scale.n_pairs[scores.annotator])
    lean = lean_variance(scores, factor.part, scale.factor) * scale.log_odds
    se = np.sqrt(noise + lean + (by_factor - by_equal) ** 2 / 12)
    return log_odds / np.sqrt(1 + math.pi * lean / 8), se


def _consensus_log_odds(
    factor: Factor, equal: Factor, trust: float
) -> tuple[Floats, Floats, Floats]:
    """Return the log-odds (N,) of the consensus, those by the factor and by equal weights."""
    by_factor = agreement_log_odds(factor, 1.0)
    by_equal = agreement_log_odds(equal, 1 / (1 + (1 - trust) ** 2))
    return trust * by_factor + (1 - trust) * by_equal, by_factor, by_equal


def _at_their_word(scores: Scores) -> tuple[Floats, Floats]:
    log_odds = scores.per_pair(scores.score * scores.unit[scores.annotator])
    lean = scores.per_pair((scores.lean * (scores.lean_se * scores.unit)[scores.annotator]) ** 2)
    return log_odds / np.sqrt(1 + math.pi * lean / 8), np.sqrt(lean + log_odds**2)
