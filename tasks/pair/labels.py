"""Pairs with their labels: by judges, by people, and as rows of preferences or rejections."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.config import PairParams
from prefline.errors import ParamsError
from prefline.ids import lot
from prefline.labeling import (
    Annotator,
    LabelCounts,
    LabelModel,
    PriorAccuracy,
    Votes,
    order_of_method,
    read_votes,
    with_verifier_accuracy,
)
from prefline.labeling.votes import Order
from prefline.labeling.warrant import MeasuredAgreement, agreement_by_threshold
from prefline.stats import Floats, Ints
from prefline.tables.draft import Draft, read_draft
from tasks.pair.answers import Reviews, aggregate_answers, reviewed_pairs
from tasks.pair.consensus import Consensus, Reviewer, estimate_consensus
from tasks.pair.formats.plain import TIE, Answers
from tasks.pair.judged import JudgedPair, JudgedPairs, PairTables
from tasks.pair.verifier_accuracy import UNKNOWN, VerifierAccuracy, measure_verifiers

NO_ANSWERS = Answers()
_FOLDS = 10  # in which anchors are held back from the fit that labels them
_SUREST = 0.9999
_SURE_ENOUGH = 0.25  # from even odds: an anchor that labels are compared with
_DIGITS = 9  # of p_chosen: beyond them machines differ
_ERROR_DIGITS = 4
_EVEN = 1e-6  # log-odds of a label that is held at even odds
_AT_ONCE = 65_536  # pairs
_BY_MODEL = pa.schema(
    [(name, pa.float64()) for name in ("log_odds", "log_odds_se", "held_back")]
    + [(name, pa.bool_()) for name in ("anchored", "held")]
    + [("verifier_accuracy", pa.float64())]
)  # what the label model says of a pair, by judges: arguments of `_label_by_judges`


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A pair with its label: `chosen` and `rejected` are response ids.

    `log_odds_se` is the standard error of the log-odds of `p_chosen`, from what is not known of
    the judges; it is 0 where no model judge counts. `held_back` are an anchor's log-odds of the
    lower id by judges, by a fit that did not see it; NaN for other pairs. `anchored` says that a
    verifier or people decided the pair, or measured a judge of it; `held` that the label was kept
    from going against all judges. `votes` are what people said, by reviewer, where they decided: +1
    the lower id, -1 the upper, 0 neither. Where `reason` is set the pair is no preference, and
    `detail` says why.
    """

    evidence: JudgedPair
    chosen: str
    rejected: str
    p_chosen: float
    agreement: float
    label_source: str
    log_odds_se: float = 0.0
    held_back: float = math.nan
    anchored: bool = False
    held: bool = False
    votes: Mapping[str, int] = field(default_factory=dict)
    reason: str | None = None
    detail: str | None = None

    @property
    def p_lower(self) -> float:
        """The probability that the pair's lower id is better."""
        return self.p_chosen if self.chosen == self.evidence.lower else 1 - self.p_chosen

    @property
    def review_agreement(self) -> float | None:
        """The share of people's answers that name `chosen`; None where nobody answered."""
        direction = 1 if self.chosen == self.evidence.lower else -1
        votes = self.votes.values()
        return sum(vote == direction for vote in votes) / len(votes) if votes else None


@dataclass(frozen=True, slots=True)
class People:
    """The answers of people, how right each reviewer is, what they say together by pair id, and
    each pair's votes by reviewer."""

    reviews: Reviews
    reviewers: Mapping[str, Reviewer]
    consensus: Mapping[str, Consensus]
    votes: Mapping[str, Mapping[str, int]]


class PairStream:
    """Pairs that are made anew each time they are gone through, so that none is kept."""

    def __init__(self, make: Callable[[], Iterator[LabelledPair]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[LabelledPair]:
        return self._make()


@dataclass(frozen=True, slots=True)
class LabelledPairs:
    """All pairs, in the order of their ids.

    `by_judges` are the pairs that were judged, with their label on the word of judges alone;
    `final` have people's in its place wherever they looked, and the pairs that people alone
    looked at. `reviewed` are those of `by_judges` at which people looked, and `by_people` all of
    these with people's label, by id. `verifiers` is how right each kind of verifier is, by kind.
    `labels` is what the label model says of pairs and judges, `reviews` what people answered,
    `reviewers` how right each of them is. `warrant` is how often labels by judges agree with
    anchors that did not teach them, of which there are `n_held_back`.
    """

    by_judges: Iterable[LabelledPair]
    final: Iterable[LabelledPair]
    labels: LabelCounts
    reviews: Reviews
    reviewers: Mapping[str, Reviewer]
    warrant: Sequence[MeasuredAgreement] = ()
    n_held_back: int = 0
    verifiers: Mapping[str, VerifierAccuracy] = field(default_factory=dict)
    reviewed: Mapping[str, LabelledPair] = field(default_factory=dict)
    by_people: Mapping[str, LabelledPair] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Survey:
    """The label model's material on pairs beside their judgments, (N,) each.

    `verified` is +1 or -1 where a verifier decides for the lower or the upper id, else 0; `kind`
    the place of its kind in `kinds`; `fold` the part in which an anchor is held back. `answered`
    are the pairs of people's answers, with their numbers.
    """

    verified: Ints
    kind: Ints
    kinds: Sequence[str]
    fold: Ints
    answered: Mapping[str, tuple[int, JudgedPair]]

    def accuracy(self, verifiers: Mapping[str, VerifierAccuracy], numbers: Ints) -> Floats:
        """Return the accuracy of the verifier that decided each pair of these numbers; one half
        where none did."""
        known = np.array([verifiers[name].accuracy if name in verifiers else 0.5
                          for name in self.kinds] or [0.5])  # fmt: skip
        return np.where(self.verified[numbers] != 0, known[self.kind[numbers]], 0.5)


def label_pairs(
    tables: PairTables,
    params: PairParams,
    *,
    answers: Answers = NO_ANSWERS,
    human_judges: Collection[str] = (),
    refused: Collection[str] = (),
) -> LabelledPairs:
    """Return every pair that was judged or reviewed with its label, or the reason for none.

    Without the responses of `tables` no length bias is taken off, and a pair that nobody judged has
    no label by people; nor has one that is `refused`, by its id. `human_judges` are the names of
    imported judges that are people. The pairs are read from files of `tables` each time they are
    gone through. Raises `InputError` for an answer that names other responses than its pair's,
    `ParamsError` for a prior accuracy of a judge that is not there.
    """
    judged = tables.judged()
    survey = _survey(judged, {answer.pair_id for answer in answers.given}, params)
    prompt_of = tables.siblings_of({answer.other for answer in answers.given})
    reviewed_only = reviewed_pairs(answers, survey.answered, prompt_of, refused)
    answered = [pair for _, pair in survey.answered.values()]
    people = ask_people(answers, [*answered, *reviewed_only], params)
    decided = Counter(survey.kinds[kind] for kind in survey.kind[survey.verified != 0].tolist())
    verifiers = measure_verifiers(decided, answered, people.consensus, params.verifier_accuracy)
    fitted = _fit(judged, survey, verifiers, people.consensus, human_judges, params)
    unseen = _held_back_accuracy(survey, decided, people.consensus, params.verifier_accuracy)
    path = tables.work / "by_judges.arrow"
    by_model = _label_all(judged, fitted, unseen, path)

    def by_judges() -> Iterator[LabelledPair]:
        for pair, row in zip(judged, _rows(path), strict=True):
            yield _label_by_judges(params, pair, *row)

    def final() -> Iterator[LabelledPair]:
        alone = (_label_by_people(pair, people, params) for pair in reviewed_only)
        both = apply_human_labels(by_judges(), people, params)
        return heapq.merge(both, alone, key=lambda pair: pair.evidence.pair_id)

    return LabelledPairs(
        by_judges=PairStream(by_judges),
        final=PairStream(final),
        labels=by_model.counts,
        reviews=people.reviews,
        reviewers=people.reviewers,
        warrant=_warrant(by_model.held_back, by_model.target),
        n_held_back=len(by_model.held_back),
        verifiers=verifiers,
        reviewed={
            name: _label_by_judges(params, pair, *by_model.reviewed[at])
            for name, (at, pair) in survey.answered.items()
        },
        by_people={
            pair.pair_id: _label_by_people(pair, people, params)
            for pair in (*answered, *reviewed_only)
        },
    )


def _survey(judged: JudgedPairs, asked: Collection[str], params: PairParams) -> _Survey:
    """Go through all pairs; `asked` are the ids of those that people answered."""
    verified, kind, fold = ([np.zeros(0, dtype=np.int8)] for _ in range(3))
    kinds, answered, count = dict[str, int](), dict[str, tuple[int, JudgedPair]](), 0
    for size, anchors in judged.anchors(asked):
        columns = [np.zeros(size, dtype=np.int8) for _ in range(3)]
        for at, pair in anchors:
            if pair.pair_id in asked:
                answered[pair.pair_id] = count + at, pair
            columns[0][at] = pair.verified
            columns[1][at] = kinds.setdefault(pair.verifier or UNKNOWN, len(kinds))
            columns[2][at] = int(_FOLDS * lot("fold", params.seed, pair.prompt_id))
        for whole, column in zip((verified, kind, fold), columns, strict=True):
            whole.append(column)
        count += size
    return _Survey(
        np.concatenate(verified), np.concatenate(kind), list(kinds), np.concatenate(fold), answered
    )


def _held_back_accuracy(
    survey: _Survey,
    decided: Mapping[str, int],
    consensus: Mapping[str, Consensus],
    prior: float | None,
) -> dict[int, float]:
    """Return the verifiers' accuracies by the other folds, by the number of the pair: of those at
    which people looked.

    Else the answers that taught how sure a check's labels are would measure them too.
    """
    accuracy = dict[int, float]()
    verified = {at: pair for at, pair in survey.answered.values() if pair.verified}
    for fold in np.unique(survey.fold[list(verified)]):
        others = [pair for at, pair in verified.items() if survey.fold[at] != fold]
        verifiers = measure_verifiers(decided, others, consensus, prior)
        for at in (at for at in verified if survey.fold[at] == fold):
            accuracy[at] = verifiers[survey.kinds[survey.kind[at]]].accuracy
    return accuracy


@dataclass(frozen=True, slots=True)
class _Fitted:
    """The label model with what it takes to label pairs by it; `whole` are the votes on all pairs,
    where it was fitted to all."""

    model: LabelModel
    survey: _Survey
    verifiers: Mapping[str, VerifierAccuracy]
    votes_of: Callable[[pa.Table, Ints, Mapping[Annotator, float] | None], Votes]
    concentrations: Mapping[Annotator, float]
    whole: Votes | None


@dataclass(frozen=True, slots=True)
class _ByModel:
    """The label model's word on all pairs: their `counts`; of the anchors that judges spoke of,
    (n,) each, the log-odds `held_back` by fits that did not see them, and the probability that the
    lower id is better as anchors tell it (`target`); and the rows of the pairs at which people
    looked, by number."""

    counts: LabelCounts
    held_back: Floats
    target: Floats
    reviewed: Mapping[int, tuple[Any, ...]]


def _fit(
    judged: JudgedPairs,
    survey: _Survey,
    verifiers: Mapping[str, VerifierAccuracy],
    consensus: Mapping[str, Consensus],
    human_judges: Collection[str],
    params: PairParams,
) -> _Fitted:
    """Fit the label model, to a sample of the pairs where they are very many."""

    def votes_of(
        table: pa.Table, numbers: Ints, concentrations: Mapping[Annotator, float] | None
    ) -> Votes:
        votes = read_votes(
            table,
            people=human_judges,
            order=Order.RANDOM,
            order_of_method=order_of_method(map(str, table["method"].unique())),
            concentrations=concentrations,
        )
        votes = with_verifier_accuracy(votes, survey.accuracy(verifiers, numbers))
        return _with_people(votes, numbers, survey, consensus)

    table, numbers = judged.sample(survey.answered)
    votes = votes_of(table, numbers, None)
    known = _prior_accuracy(votes, params)
    model = LabelModel.fit(votes, survey.fold[numbers], prior_accuracy=known)
    whole = votes if len(numbers) == len(survey.fold) else None
    return _Fitted(model, survey, verifiers, votes_of, votes.concentrations, whole)


def _label_all(
    judged: JudgedPairs, fitted: _Fitted, unseen: Mapping[int, float], path: Path
) -> _ByModel:
    """Write the rows of `_BY_MODEL` of all pairs to a file, and return the rest; `unseen` are the
    verifiers' accuracies of pairs at which people looked, by number."""
    counts, held_back, target, at = list[LabelCounts](), list[Floats](), list[Floats](), 0
    survey, reviewed = fitted.survey, dict[int, tuple[Any, ...]]()
    looked_at = np.sort([number for number, _ in survey.answered.values()])
    with Draft(path, _BY_MODEL) as draft:
        for votes in (
            [fitted.whole] if fitted.whole is not None else _votes_by_block(judged, fitted)
        ):
            numbers = np.arange(at, at + votes.n_pairs)
            labels, apart = fitted.model.label(votes, survey.fold[numbers])
            is_anchor = ~np.isnan(apart)
            accuracy = survey.accuracy(fitted.verifiers, numbers)
            here = looked_at[(looked_at >= at) & (looked_at < at + votes.n_pairs)].tolist()
            for number in here:
                accuracy[number - at] = unseen.get(number, accuracy[number - at])
            columns = [
                np.where(is_anchor, apart, labels.log_odds).round(_DIGITS), labels.log_odds_se,
                apart, labels.anchored, labels.held, accuracy,
            ]  # fmt: skip
            draft.write(pa.table(columns, schema=_BY_MODEL))
            reviewed |= {
                number: tuple(column[number - at].item() for column in columns) for number in here
            }
            counts.append(labels.counts())
            held_back.append(apart[is_anchor])
            target.append(votes.target[is_anchor])
            at += votes.n_pairs
    return _ByModel(
        LabelCounts.joined(counts), np.concatenate(held_back), np.concatenate(target), reviewed
    )


def _votes_by_block(judged: JudgedPairs, fitted: _Fitted) -> Iterator[Votes]:
    at = 0
    for block in judged.blocks():
        count = len(pc.unique(block["pair_id"]))
        yield fitted.votes_of(block, np.arange(at, at + count), fitted.concentrations)
        at += count


def _rows(path: Path) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of `_label_all`, as Python's own values."""
    for batch in read_draft(path):
        for start in range(0, batch.num_rows, _AT_ONCE):
            some = batch.slice(start, _AT_ONCE)
            yield from zip(*(column.to_pylist() for column in some.columns), strict=True)


def without_label(pair: JudgedPair) -> LabelledPair:
    """Return a pair that nobody judged, as the review queue takes it."""
    return LabelledPair(pair, pair.lower, pair.upper, 0.5, 0.0, "ai", reason="not_judged")


def human_judges(judged: Mapping[str, Any]) -> list[str]:
    """Return the names of the judges that are people; `judged` are the metrics of `judge`."""
    judges = judged.get("judges", {}).items()
    return [name for name, figures in judges if figures.get("kind") == "human"]


def ask_people(answers: Answers, pairs: Sequence[JudgedPair], params: PairParams) -> People:
    """Return what people say of these pairs.

    Raises `InputError` for an answer that names other responses than its pair's.
    """
    reviews = aggregate_answers(answers, pairs)
    reviewers, consensus = estimate_consensus(reviews.votes, params.review.human_accuracy)
    return People(reviews, reviewers, consensus, reviews.of_pairs())


def apply_human_labels(
    pairs: Iterable[LabelledPair], people: People, params: PairParams
) -> Iterator[LabelledPair]:
    """Yield the same pairs, with people's label in place of the judges' wherever they looked."""
    for pair in pairs:
        looked_at = pair.evidence.pair_id in people.consensus
        yield _label_by_people(pair.evidence, people, params) if looked_at else pair


def _with_people(
    votes: Votes, numbers: Ints, survey: _Survey, consensus: Mapping[str, Consensus]
) -> Votes:
    """Return the votes on the pairs of these numbers, in order, with people's word for the truth of
    those at which they looked.

    Its weight is the probability that they do not see a tie.
    """
    target, weight = votes.target.copy(), votes.weight.copy()
    for name, (number, _) in survey.answered.items():
        at = int(np.searchsorted(numbers, number))
        if at == len(numbers) or numbers[at] != number:
            continue
        people = consensus[name]
        decided = people.lower + people.upper
        target[at] = people.lower / decided if decided else 0.5
        weight[at] = 1 - people.tie if people.lower != people.upper else 0.0
    return votes.with_anchors(target, weight)


def _prior_accuracy(votes: Votes, params: PairParams) -> dict[str, PriorAccuracy]:
    judges = {annotator.judge for annotator in votes.annotators}
    for name in params.prior_accuracy:
        if name not in judges:
            raise ParamsError(
                f"pair.prior_accuracy names {name!r}, a judge without a valid verdict",
                f"its judges: {', '.join(sorted(judges)) or 'none'}",
            )
    return {
        name: PriorAccuracy(known.accuracy, known.pairs)
        for name, known in params.prior_accuracy.items()
    }


def _warrant(held_back: Floats, target: Floats) -> list[MeasuredAgreement]:
    """Return how often the held-back labels of anchors agree with those that are more true than
    not."""
    sure = np.abs(target - 0.5) > _SURE_ENOUGH
    log_odds = held_back[sure].round(_DIGITS)
    right = np.sign(log_odds) == np.sign(target[sure] - 0.5)
    return agreement_by_threshold(1 / (1 + np.exp(-np.abs(log_odds))), right)


def disagreement(pair: LabelledPair) -> float:
    """Return the share of the model judges that name a winner which name the other response.

    0 where a verifier has decided.
    """
    named = pair.evidence.said.by_models
    if pair.evidence.verified or not named:
        return 0.0
    chosen = 1 if pair.chosen == pair.evidence.lower else -1
    return sum(winner != chosen for winner in named) / len(named)


def split_of(prompt_id: str, params: PairParams) -> str:
    """Return the split of a prompt, by hash: all of its pairs fall into one."""
    return "test" if lot("split", params.seed, prompt_id) < params.test_share else "train"


def label_row(pair: LabelledPair, params: PairParams) -> dict[str, Any]:
    """Return a pair's label, with the columns of `preferences` but for the texts."""
    evidence = pair.evidence
    return {
        "pair_id": evidence.pair_id,
        "prompt_id": evidence.prompt_id,
        "chosen_id": pair.chosen,
        "rejected_id": pair.rejected,
        "p_chosen": pair.p_chosen,
        "log_odds": math.log(pair.p_chosen / (1 - pair.p_chosen)),
        "log_odds_se": pair.log_odds_se,
        "n_judgments": len(evidence.said.observations),
        "agreement": pair.agreement,
        "n_reviews": len(pair.votes) or None,
        "reviewers": sorted(pair.votes) or None,
        "review_agreement": pair.review_agreement,
        "anchored": pair.anchored,
        "label_source": pair.label_source,
        "split": split_of(evidence.prompt_id, params),
        "judges": evidence.said.judges,
        "reason": pair.reason,
        "detail": pair.detail,
    }


def answer_rows(pairs: LabelledPairs) -> list[dict[str, Any]]:
    """Return the rows of `answers`: what people said that counts, with how right they are."""
    return [
        {
            "pair_id": identity,
            "prompt_id": pairs.by_people[identity].evidence.prompt_id,
            "reviewer": reviewer,
            "preferred_id": None if answer.preferred == TIE else answer.preferred,
            "answered_at": answer.when.isoformat() if answer.when else None,
            "place": answer.place,
            "accuracy": pairs.reviewers[reviewer].accuracy,
        }
        for (identity, reviewer), answer in sorted(pairs.reviews.counted.items())
    ]


def _label_by_judges(
    params: PairParams,
    evidence: JudgedPair,
    log_odds: float,
    log_odds_se: float,
    held_back: float,
    anchored: bool,
    held: bool,
    verifier_accuracy: float,
) -> LabelledPair:
    """Return the label of one pair on the word of judges alone.

    Log-odds of independent sources add up: those of the model judges, and the verifier with its
    accuracy. Judges do not overrule a verifier: where they outweigh it, the label is left at even
    odds, on its side, and is no preference.
    """
    strength = math.log(verifier_accuracy / (1 - verifier_accuracy))
    verified, said = evidence.verified, evidence.said
    total = strength * verified + log_odds
    if verified * total < 0:
        total = verified * _EVEN
    p = min(round(1 / (1 + math.exp(-abs(total))), _DIGITS), _SUREST)
    held = held and not verified
    reason, detail = (None, None) if p >= params.min_p_chosen else _why_rejected(evidence, p, held)
    lower, upper = evidence.lower, evidence.upper
    return LabelledPair(
        evidence,
        lower if total >= 0 else upper,
        upper if total >= 0 else lower,
        p,
        said.agreement[1 if total >= 0 else -1],
        "verifier" if verified else said.source,
        log_odds_se=round(log_odds_se, _ERROR_DIGITS),
        held_back=held_back,
        anchored=anchored or bool(verified),
        held=held,
        reason=reason,
        detail=detail,
    )


def _label_by_people(evidence: JudgedPair, people: People, params: PairParams) -> LabelledPair:
    """Return the label of a pair that people looked at: only their word counts."""
    consensus, votes = people.consensus[evidence.pair_id], people.votes[evidence.pair_id]
    p = min(round(max(consensus.lower, consensus.upper), _DIGITS), _SUREST)
    direction = 1 if consensus.lower >= consensus.upper else -1
    chosen, rejected = (evidence.lower, evidence.upper)[::direction]
    pair = LabelledPair(
        evidence,
        chosen,
        rejected,
        p,
        evidence.said.agreement[direction],
        "human",
        anchored=True,
        votes=votes,
    )
    if p >= params.min_p_chosen:
        return pair
    chances = f"p = {consensus.lower:.3f}, {consensus.upper:.3f}, tie {consensus.tie:.3f}"
    detail = f"{consensus.n} answer(s) by {', '.join(sorted(votes))}: {chances}"
    return replace(pair, reason=_why_people_do_not(consensus), detail=detail)


def _why_rejected(evidence: JudgedPair, p: float, held: bool) -> tuple[str, str]:
    reason, what = evidence.said.why_open
    if reason in ("no_valid_verdict", "tie"):
        return reason, what
    if what:
        return reason, f"{what}; p = {p:.3f}"
    if held:
        return reason, f"all judges say the same, anchors point the other way; p = {p:.3f}"
    return reason, f"p = {p:.3f} is below min_p_chosen"


def _why_people_do_not(people: Consensus) -> str:
    if people.tie > max(people.lower, people.upper):
        return "people_tie"
    return "uncertain" if people.unanimous else "people_disagree"
