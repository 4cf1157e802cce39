"""Label pairs from recorded verdicts: by truth where it was told, by agreement where not.

1. `read_votes`: verdicts, orders, lengths and anchors as arrays.
2. `agree`: scores freed of position bias as far as the design tells it and of the length bias in
   which annotators differ; what they have in common; log-odds from agreement.
3. `fit_anchors`: each annotator's weight from the anchors, starting from agreement.
4. Where all annotators of a pair said the same, in all orders asked, the label is never the
   opposite unless they were wrong more often than right on the anchors: it is held at even odds,
   on their side.

A label is *anchored* if an annotator on the pair judged at least `MIN_ANCHORS` anchors. Of fewer
than that the label makes use too, but it rests on agreement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit, logit

from prefline.labeling.agreement import Agreement, agree, agree_as, lean_variance
from prefline.labeling.anchors import (
    LEAST_SQUARE,
    Features,
    Hypothesis,
    annotator_weights,
    features_as,
    fit_anchors,
    make_features,
    predict,
)
from prefline.labeling.prior import PriorAccuracy, pseudo_anchors
from prefline.labeling.scores import Position, Scores
from prefline.labeling.votes import Annotator, Votes
from prefline.stats import Bools, Floats, Ints
from prefline.stats.bootstrap import Figure, ratio

MIN_ANCHORS = 10.0
DIGITS = 9  # of what is written: beyond them machines differ
ERROR_DIGITS = 4
_SUREST = 0.9999
_EVEN = 1e-6  # log-odds of a label that is held at even odds
_NOTHING_KNOWN: Mapping[str, PriorAccuracy] = {}


@dataclass(frozen=True, slots=True)
class AnnotatorFigures:
    """The figures of an annotator.

    `weight` is its whole weight in log-odds of a pair per unit of its score, with `weight_se`;
    `unit` the log-odds of its own in one unit of score;
    `length_bias` what was taken off, in its own unit per unit of log length ratio; `n_pairs` how
    many pairs it judged, `n_anchors` how many of them are anchors; `accuracy` the share of these
    on which it names the right response, its position bias taken off, a flip or tie counting one
    half, with its interval by prompt.
    """

    annotator: Annotator
    weight: float
    weight_se: float
    unit: float
    position: Position
    length_bias: float
    n_pairs: int
    n_anchors: int
    accuracy: Figure


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of N pairs, (N,) each.

    `log_odds` that the lower id is better with standard error `log_odds_se`; `anchored`;
    `unanimous` (+1, -1; 0 where annotators differ), `held` where the label was kept from going
    against all annotators, `against` where anchors prove that it must. `trust` in [0, 1] is how
    far the agreement looks like that of one truth, `n_anchors` the anchors' total weight.
    """

    log_odds: Floats
    log_odds_se: Floats
    anchored: Bools
    unanimous: Floats
    held: Bools
    against: Bools
    trust: float
    n_anchors: float
    annotators: tuple[AnnotatorFigures, ...]

    @property
    def p(self) -> Floats:
        """The probability that the lower id is better, (N,)."""
        return np.asarray(expit(self.log_odds))

    def counts(self) -> LabelCounts:
        """Return how many they are, and of which kinds."""
        return LabelCounts(
            n_pairs=len(self.log_odds),
            n_anchored=int(self.anchored.sum()),
            n_held=int(self.held.sum()),
            n_against=int(self.against.sum()),
            trust=self.trust,
            n_anchors=self.n_anchors,
            annotators=self.annotators,
        )


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Counts of the labels of one model, of each kind: the sums of `Labels`."""

    n_pairs: int
    n_anchored: int
    n_held: int
    n_against: int
    trust: float
    n_anchors: float
    annotators: tuple[AnnotatorFigures, ...]

    @classmethod
    def joined(cls, parts: Sequence[LabelCounts]) -> LabelCounts:
        """Return the counts of all pairs of these parts, by one model."""
        first = parts[0]
        n_pairs = np.sum([[each.n_pairs for each in part.annotators] for part in parts], axis=0)
        return cls(
            n_pairs=sum(part.n_pairs for part in parts),
            n_anchored=sum(part.n_anchored for part in parts),
            n_held=sum(part.n_held for part in parts),
            n_against=sum(part.n_against for part in parts),
            trust=first.trust,
            n_anchors=sum(part.n_anchors for part in parts),
            annotators=tuple(
                replace(each, n_pairs=int(n))
                for each, n in zip(first.annotators, n_pairs, strict=True)
            ),
        )


def label_votes(
    votes: Votes,
    *,
    shared_length_bias: float = 0.0,
    prior_accuracy: Mapping[str, PriorAccuracy] = _NOTHING_KNOWN,
) -> Labels:
    """Return the labels of all pairs.

    `prior_accuracy` is what the user knows of judges, by name. `shared_length_bias` is the share,
    in [0, 1], of the effect of length common to all annotators that is taken for bias: nothing
    but anchors tells it, so it is 0 unless asked for.
    """
    return label_with_scores(
        votes, shared_length_bias=shared_length_bias, prior_accuracy=prior_accuracy
    )[0]


def label_with_scores(
    votes: Votes,
    *,
    shared_length_bias: float = 0.0,
    prior_accuracy: Mapping[str, PriorAccuracy] = _NOTHING_KNOWN,
) -> tuple[Labels, Scores | None]:
    """Return the labels of all pairs, and the scores behind them; None where nobody judged."""
    model = LabelModel.fit(votes, shared_length_bias=shared_length_bias,
                           prior_accuracy=prior_accuracy)  # fmt: skip
    labels, _ = model.label(votes)
    return labels, model.scores


def held_back_log_odds(
    votes: Votes,
    fold: Ints,
    *,
    shared_length_bias: float = 0.0,
    prior_accuracy: Mapping[str, PriorAccuracy] = _NOTHING_KNOWN,
) -> Floats:
    """Return each anchor's log-odds (N,) by a fit that saw no anchor of its fold; else NaN.

    `fold` (N,) numbers the parts in which anchors are held back; pairs of one prompt belong into
    one. So the labels can be compared with the truth of the same anchors that taught them.
    """
    model = LabelModel.fit(
        votes, fold, shared_length_bias=shared_length_bias, prior_accuracy=prior_accuracy
    )
    return model.label(votes, fold)[1]


@dataclass(frozen=True, slots=True)
class _Fit:
    """The lesson of some anchors: hypotheses, and by how much each annotator (J,) named the right
    response more often than the wrong one."""

    hypotheses: list[Hypothesis]
    balance: Floats


@dataclass(frozen=True, slots=True)
class LabelModel:
    """The label model, fitted to some pairs: it labels them, and others by the same annotators.

    `folds` are fits that did not see the anchors of a fold; `told` (J,) is the weight of the
    anchors that each annotator judged. Without annotators there is no model.
    """

    model: _Model | None
    all: _Fit
    folds: Mapping[int, _Fit]
    told: Floats
    annotators: tuple[AnnotatorFigures, ...] = ()

    @classmethod
    def fit(
        cls,
        votes: Votes,
        fold: Ints | None = None,
        *,
        shared_length_bias: float = 0.0,
        prior_accuracy: Mapping[str, PriorAccuracy] = _NOTHING_KNOWN,
    ) -> LabelModel:
        """Fit the model to these pairs; `fold` (N,) numbers the parts in which anchors are held
        back."""
        if not votes.annotators:
            return cls(None, _Fit([], np.zeros(0)), {}, np.zeros(0))
        model = _Model.of(votes, shared_length_bias, prior_accuracy)
        scores, folds = model.agreement.scores, dict[int, _Fit]()
        if fold is not None:
            for number in np.unique(fold[votes.judged & (votes.weight > 0)]).tolist():
                folds[number] = model.learn(np.where(fold == number, 0.0, votes.weight))
        told = scores.per_annotator(votes.weight[scores.pair])
        fit = model.learn(votes.weight)
        return cls(model, fit, folds, told, _figures(model, fit.hypotheses))

    @property
    def scores(self) -> Scores | None:
        """The scores of the pairs of the fit; None where nobody judged."""
        return self.model.agreement.scores if self.model else None

    def label(self, votes: Votes, fold: Ints | None = None) -> tuple[Labels, Floats]:
        """Return the labels of pairs, and each anchor's log-odds (N,) by the fit without its fold,
        else NaN.

        An annotator that no pair of the fit had is a `KeyError`.
        """
        held_back = np.full(votes.n_pairs, np.nan)
        if self.model is None:
            zeros, none = np.zeros(votes.n_pairs), np.zeros(votes.n_pairs, dtype=bool)
            return Labels(zeros, zeros, none, zeros, none, none, 1.0, 0.0, ()), held_back
        model = self.model.on(votes)
        votes, scores = model.votes, model.agreement.scores
        log_odds, se = model.log_odds(self.all.hypotheses, np.arange(votes.n_pairs))
        unanimous, anchors = _unanimous(scores), votes.judged & (votes.weight > 0)
        log_odds, held, against = _guard(log_odds, unanimous, _wrong(scores, self.all))
        for number, fit in self.folds.items() if fold is not None else ():
            rows = np.flatnonzero(anchors & (fold == number))
            predicted, _ = model.log_odds(fit.hypotheses, rows)
            held_back[rows], _, _ = _guard(predicted, unanimous[rows], _wrong(scores, fit)[rows])
        labels = Labels(
            log_odds=log_odds,
            log_odds_se=_with_sampling_error(se, self.model, self.all.hypotheses, scores),
            anchored=scores.per_pair(self.told[scores.annotator] >= MIN_ANCHORS) > 0,
            unanimous=unanimous,
            held=held,
            against=against,
            trust=model.agreement.trust,
            n_anchors=float(votes.weight[anchors].sum()),
            annotators=tuple(
                replace(each, n_pairs=int(n))
                for each, n in zip(self.annotators, scores.per_annotator(), strict=True)
            ),
        )
        return labels, held_back


def label_table(
    table: pa.Table,
    votes: Votes,
    *,
    shared_length_bias: float = 0.0,
    prior_accuracy: Mapping[str, PriorAccuracy] = _NOTHING_KNOWN,
) -> tuple[pa.Table, Labels]:
    """Return one row a pair, in the order of their first rows in `table`, and the labels.

    `votes` are those of the table, to whose pairs the arrays of `Labels` belong.
    """
    labels = label_votes(
        votes, shared_length_bias=shared_length_bias, prior_accuracy=prior_accuracy
    )
    order = np.argsort(votes.first_row)
    rows = table.take(pa.array(votes.first_row[order], pa.int64()))
    log_odds = labels.log_odds[order]
    first_better = (log_odds >= 0) == votes.lower_first[order]
    columns: dict[str, Any] = {
        name: rows[name] if name in table.column_names else pa.nulls(len(order), pa.string())
        for name in ("pair_id", "prompt_id", "first_id", "second_id")
    }
    columns |= {
        "preferred_id": pc.if_else(
            pa.array(first_better, pa.bool_()), rows["first_id"], rows["second_id"]
        ),
        "p_preferred": pa.array(np.round(expit(np.abs(log_odds)), DIGITS), pa.float64()),
        "log_odds": pa.array(np.round(np.abs(log_odds), DIGITS), pa.float64()),
        "log_odds_se": pa.array(np.round(labels.log_odds_se[order], ERROR_DIGITS), pa.float64()),
        "anchored": pa.array(labels.anchored[order], pa.bool_()),
        "held_at_even_odds": pa.array(labels.held[order], pa.bool_()),
        "told_id": _told(rows, votes.target[order], votes.weight[order], votes.lower_first[order]),
    }
    return pa.table(columns), labels


def _told(rows: pa.Table, target: Floats, weight: Floats, lower_first: Bools) -> Any:
    """Return the id of the better response where the truth was told, else null."""
    first = pa.array((target > 0.5) == lower_first, pa.bool_())  # noqa: PLR2004 - even odds
    told = pc.if_else(first, rows["first_id"], rows["second_id"])
    return pc.if_else(pa.array(weight > 0, pa.bool_()), told, pa.scalar(None, pa.string()))


@dataclass(frozen=True, slots=True)
class _Model:
    """All that does not depend on which anchors are seen."""

    votes: Votes
    agreement: Agreement
    features: Features
    extra: Floats
    known: Mapping[str, PriorAccuracy]

    @classmethod
    def of(cls, votes: Votes, shared: float, known: Mapping[str, PriorAccuracy]) -> _Model:
        agreement = agree(votes, shared)
        features = make_features(agreement, votes, votes.weight > 0)
        return cls(votes, agreement, features, _extra(agreement), known)

    def on(self, votes: Votes) -> _Model:
        """Return the same model on other pairs."""
        if votes is self.votes:
            return self
        number = {annotator: j for j, annotator in enumerate(self.votes.annotators)}
        own = np.array([number[each] for each in votes.annotators], dtype=np.int64)
        votes = replace(votes, annotators=self.votes.annotators, annotator=own[votes.annotator])
        agreement = agree_as(self.agreement, votes)
        features = features_as(self.features, agreement, votes)
        return replace(
            self, votes=votes, agreement=agreement, features=features, extra=_extra(agreement)
        )

    def learn(self, weight: Floats) -> _Fit:
        """Return what the anchors of these weights (N,) teach."""
        scores, target = self.agreement.scores, self.votes.target
        right = scores.vote * (2 * target - 1)[scores.pair] * weight[scores.pair]
        return _Fit(self.fit(weight), scores.per_annotator(right))

    def fit(self, weight: Floats) -> list[Hypothesis]:
        """Return the hypotheses learnt from the anchors of these weights (N,); none of none."""
        rows = np.flatnonzero(self.votes.judged & (weight > 0))
        target, weight = self.votes.target[rows], weight[rows]
        if self.known:
            judges = [annotator.judge for annotator in self.votes.annotators]
            scores, log_odds = self.agreement.scores, self.agreement.log_odds
            pseudo = pseudo_anchors(scores, judges, self.known, log_odds)
            rows = np.r_[rows, pseudo.rows]
            target, weight = np.r_[target, pseudo.target], np.r_[weight, pseudo.weight]
        return fit_anchors(self.features.take(rows), target, weight) if len(rows) else []

    def log_odds(self, hypotheses: list[Hypothesis], rows: Ints) -> tuple[Floats, Floats]:
        """Return the log-odds of these pairs and their standard errors, before the guard."""
        limit = float(logit(_SUREST))
        if not hypotheses:
            log_odds, se = self.agreement.log_odds[rows], self.agreement.log_odds_se[rows]
            return np.clip(log_odds, -limit, limit), se
        p, se = predict(hypotheses, self.features.take(rows), self.extra[rows])
        log_odds = logit(np.clip(p, 1 - _SUREST, _SUREST))
        return np.where(self.votes.judged[rows], log_odds, 0.0), se


def _with_sampling_error(
    se: Floats, model: _Model, hypotheses: list[Hypothesis], scores: Scores
) -> Floats:
    """Return the standard errors with those of judges whose verdicts are shares of a few votes."""
    if not np.any(scores.variance):
        return se
    weight, _ = _weights(model, hypotheses)
    sampling = scores.per_pair(weight[scores.annotator] ** 2 * scores.variance)
    return np.asarray(np.sqrt(se**2 + sampling))


def _guard(log_odds: Floats, unanimous: Floats, wrong: Bools) -> tuple[Floats, Bools, Bools]:
    """Return (log-odds, held, against): labels against unanimous annotators are held back.

    Unless `wrong` proves them worse than chance.
    """
    opposite = unanimous * log_odds < 0
    held = opposite & ~wrong
    return np.where(held, unanimous * _EVEN, log_odds), held, opposite & wrong


def _unanimous(scores: Scores) -> Floats:
    """Return +1 or -1 where all annotators that name a response name the same, else 0, (N,)."""
    up, down = scores.per_pair(scores.vote > 0) > 0, scores.per_pair(scores.vote < 0) > 0
    return np.where(up & ~down, 1.0, np.where(down & ~up, -1.0, 0.0))


def _wrong(scores: Scores, fit: _Fit) -> Bools:
    """Tell of each pair whether its annotators together named the wrong response more often.

    More often than the right one, on all anchors that they judged.
    """
    return np.asarray(scores.per_pair(fit.balance[scores.annotator]) < 0)


def _extra(agreement: Agreement) -> Floats:
    return lean_variance(agreement.scores, agreement.equal.part, agreement.scale.equal)


def _figures(model: _Model, hypotheses: list[Hypothesis]) -> tuple[AnnotatorFigures, ...]:
    scores, votes = model.agreement.scores, model.votes
    weight, weight_se = _weights(model, hypotheses)
    n = scores.per_annotator()
    taken = (model.agreement.length_bias / scores.unit)[scores.annotator]
    side = np.sign(np.round(scores.score + taken * votes.log_ratio[scores.pair], ERROR_DIGITS))
    order = np.argsort(scores.annotator, kind="stable")
    bounds = np.searchsorted(scores.annotator[order], np.arange(scores.n_annotators + 1))
    figures = []
    for j, annotator in enumerate(votes.annotators):
        rows = order[bounds[j] : bounds[j + 1]]
        rows = rows[votes.weight[scores.pair[rows]] > 0]
        pair = scores.pair[rows]
        right = 0.5 + 0.5 * side[rows] * np.sign(votes.target[pair] - 0.5)
        figures.append(
            AnnotatorFigures(
                annotator=annotator,
                weight=float(weight[j]),
                weight_se=float(weight_se[j]),
                unit=float(scores.unit[j]),
                position=scores.positions[j],
                length_bias=float(model.agreement.length_bias[j]),
                n_pairs=int(n[j]),
                n_anchors=len(rows),
                accuracy=ratio(right, np.ones(len(rows)), votes.prompt[pair]),
            )
        )
    return tuple(figures)


def _weights(model: _Model, hypotheses: list[Hypothesis]) -> tuple[Floats, Floats]:
    """Return each annotator's whole weight (J,) with its standard error."""
    agreement, scores = model.agreement, model.agreement.scores
    parts = np.vstack([*(fit.part for fit in agreement.fits), agreement.part])
    linear = [scores.per_pair(part[scores.annotator] * scores.score) for part in parts]
    rms = np.sqrt(np.maximum([np.mean(each**2) for each in linear], LEAST_SQUARE))
    size = np.ones(len(parts))
    size[-1] = np.sqrt(float(np.mean(agreement.log_odds**2)))
    normal = parts * (size / rms)[:, None]
    weight = normal[-1].copy()
    weight_se = np.abs(weight) / np.sqrt(np.maximum(scores.per_annotator(), 1))
    if hypotheses:
        columns = model.features.columns
        weight[columns], weight_se[columns] = annotator_weights(
            hypotheses, normal[:, columns], model.features.unit
        )
    return weight, weight_se
