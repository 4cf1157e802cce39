"""The value of a further answer under the anchored model, before it is asked.

Preposterior analysis (Raiffa and Schlaifer, Applied Statistical Decision Theory, 1961, part II).
The label model's log-odds are linear in the annotators' scores, eta = x'w. A logistic is nearly a
normal, so the truth is taken for the sign of a margin z ~ N(0, 1) that is jointly normal with the
scores. Then c = cov(x, z) has the direction of T w, T being the scores' second moments; its size
follows from how often the labels say that they are right, a = mean of p on a sample of pairs, since
for normals a = 1 - arccos(sqrt q) / pi:

    c = T w sqrt(q / w'T w),    q = c'T^-1 c = cos^2(pi (1 - a)).

So what is not known of w, over which p is averaged, counts too. c says what the answers of some
annotators alone are worth, which w does not: with those of a set A only, each in m_j orders, z is
normal with mean c_A' T_A^-1 x_A and variance 1 - q_A,

    q_A = c_A' T_A^-1 c_A,    T_jj = B_jj + V_j / m_j,

B being the scores' covariances between pairs and V_j an annotator's variance between two orders of
one pair. So a second order is worth less than a second annotator, and so is an annotator that makes
the same errors. A label is wrong with probability Phi(-|d|), d the mean of z over its standard
deviation. Answers that bring the variance from v to v' move the mean by a normal step of variance
v - v', whatever they will say, and the chance that its sign is wrong then is

    2 T(|d|, sqrt(v' / (v - v'))),    T(h, a) Owen's function (Owen 1956),

Phi(-|d|) where nothing is learnt and 0 where all is. An answer of a person, right with chance h,
leaves of p = Phi(|d|)

    min(p h, (1 - p) (1 - h)) + min(p (1 - h), (1 - p) h).

B and V are moments over the same sample, of pairs which no answer has chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, log_ndtr, ndtr, ndtri_exp, owens_t

from prefline.labeling.model import DIGITS, AnnotatorFigures, label_with_scores
from prefline.labeling.scores import Scores
from prefline.labeling.votes import Votes
from prefline.stats import Bools, Floats, Ints

_LEAST_SHARE = 0.05  # of a score's variance that is between pairs; and that is an annotator's own
_UNSEEN_ORDER = 0.5  # share of a score's variance between orders, where no pair was seen twice
_LEAST_VARIANCE = 1e-3  # of z: numerical
_MOST_LOG_ODDS = 9.2  # as sure as labels are
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class AnswerModel:
    """The worth of answers, and the state of each pair.

    `log_odds` (N,) are those of the labels, `count` (N, J) the orders that each annotator has
    answered, `annotator_of` the place of the annotator as which each judge would answer again.
    `covariance` (J,) is c, `between` (J, J) is B, `order_variance` (J,) is V.
    """

    log_odds: Floats
    count: Ints
    annotator_of: Mapping[str, int]
    covariance: Floats
    between: Floats
    order_variance: Floats

    def variance(self, count: Ints) -> Floats:
        """Return the variance of z (n,) once annotators have answered in `count` (n, J) orders."""
        patterns, place = np.unique(count, axis=0, return_inverse=True)
        variances = [self._variance_of(pattern) for pattern in patterns]
        return np.array(variances, dtype=float)[place.ravel()]

    def log_odds_of(self, scores: Floats) -> Floats:
        """Return the log-odds (N,) that the lower id is better from scores (N, J) of `count`."""
        patterns, place = np.unique(self.count, axis=0, return_inverse=True)
        log_odds = np.zeros(len(self.count))
        for number, pattern in enumerate(patterns):
            answered, rows = np.flatnonzero(pattern), place.ravel() == number
            if len(answered):
                c = self.covariance[answered]
                weight = np.linalg.solve(self._total(pattern, answered), c)
                spread = math.sqrt(max(1 - float(c @ weight), _LEAST_VARIANCE))
                d = scores[np.ix_(rows, answered)] @ weight / spread
                log_odds[rows] = log_ndtr(d) - log_ndtr(-d)
        return np.asarray(log_odds.clip(-_MOST_LOG_ODDS, _MOST_LOG_ODDS))

    def _total(self, count: Ints, answered: Ints) -> Floats:
        """Return T of the annotators that `answered`, in `count` (J,) orders."""
        total = self.between[np.ix_(answered, answered)].copy()
        total[np.diag_indices_from(total)] += self.order_variance[answered] / count[answered]
        return total

    def _variance_of(self, count: Ints) -> float:
        answered = np.flatnonzero(count)
        if not len(answered):
            return 1.0
        c, total = self.covariance[answered], self._total(count, answered)
        return min(max(1 - float(c @ np.linalg.solve(total, c)), _LEAST_VARIANCE), 1.0)


def model_answers(votes: Votes, sample: Bools) -> AnswerModel | None:
    """Return the value of answers from what was answered; None where no judge has answered.

    `sample` (N,) are the pairs that were drawn, whatever was answered.
    """
    if not votes.annotators:
        return None
    labels, scores = label_with_scores(votes)
    assert scores is not None
    between, order_variance = _moments(scores, sample)
    count = np.zeros((scores.n_pairs, scores.n_annotators), dtype=np.int64)
    count[scores.pair, scores.annotator] = scores.count
    weight = np.array([each.weight for each in labels.annotators])
    log_odds = labels.log_odds.round(DIGITS)
    full = between + np.diag(order_variance / np.maximum(count.max(axis=0), 1))
    claimed = expit(np.abs(log_odds[sample & votes.judged]))
    right = float(claimed.mean()) if len(claimed) else float(expit(np.abs(log_odds)).mean())
    q = math.cos(math.pi * (1 - right)) ** 2
    size = max(float(weight @ full @ weight), _TINY)
    covariance = full @ weight * math.sqrt(q / size)
    model = AnswerModel(
        log_odds, count, _main_annotators(labels.annotators), covariance, between, order_variance
    )
    x = np.zeros(count.shape)
    x[scores.pair, scores.annotator] = scores.score
    return replace(model, log_odds=model.log_odds_of(x).round(DIGITS))


def expected_error(log_odds: Floats, before: Floats, after: Floats) -> Floats:
    """Return the expected share of wrong labels (n,) once the variance of z has gone from `before`
    to `after` (n,).

    `log_odds` (n,) are those of the labels now, of either sign.
    """
    deviate = -ndtri_exp(-np.logaddexp(0.0, np.abs(log_odds)))
    learnt = before - after
    ahead = 2 * owens_t(deviate, np.sqrt(after / np.maximum(learnt, _TINY)))
    return np.asarray(np.where(learnt <= _TINY, ndtr(-deviate), ahead))


def expected_error_by_person(log_odds: Floats, accuracy: float) -> Floats:
    """Return the expected share of wrong labels (n,) once a person of this accuracy answered."""
    wrong = expit(-np.abs(log_odds))
    agree = np.minimum((1 - wrong) * accuracy, wrong * (1 - accuracy))
    return np.asarray(agree + np.minimum((1 - wrong) * (1 - accuracy), wrong * accuracy))


def _main_annotators(annotators: Sequence[AnnotatorFigures]) -> dict[str, int]:
    """Return the place of the annotator that judged most pairs, by judge."""
    main: dict[str, int] = {}
    for at, each in enumerate(annotators):
        name = each.annotator.judge
        if name not in main or each.n_pairs > annotators[main[name]].n_pairs:
            main[name] = at
    return main


def _moments(scores: Scores, sample: Bools) -> tuple[Floats, Floats]:
    """Return (B, V) over the pairs of the sample, or over all where it has too few entries.

    Covariances of annotators that did not meet are 0; what moments make impossible is clipped.
    """
    use = sample[scores.pair]
    if not np.all(np.bincount(scores.annotator[use], minlength=scores.n_annotators) > 1):
        use = np.ones(len(use), dtype=bool)
    pair, who = scores.pair[use], scores.annotator[use]
    x = np.zeros((scores.n_pairs, scores.n_annotators))
    answered = np.zeros_like(x)
    x[pair, who], answered[pair, who] = scores.score[use], 1.0
    met = np.maximum(answered.T @ answered, 1)
    second = x.T @ x / met
    inverse = 1 / scores.count[use].astype(float)
    inverse_count = np.bincount(who, inverse, scores.n_annotators) / np.diag(met)
    total = np.diag(second)
    order_variance = np.where(
        scores.order_variance > 0, scores.order_variance, _UNSEEN_ORDER * total
    )
    own = np.maximum(total - order_variance * inverse_count, _LEAST_SHARE * total)
    between = second.copy()
    between[np.diag_indices_from(between)] = own
    values, vectors = np.linalg.eigh(between)
    least = _LEAST_SHARE * max(float(np.mean(own)), _TINY)
    return (vectors * np.maximum(values, least)) @ vectors.T, order_variance
