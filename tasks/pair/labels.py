"""Pairs with their labels: by judges, by people, and as rows of preferences or rejections."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from prefline.config import PairParams
from prefline.errors import ParamsError
from prefline.ids import lot
from prefline.labeling import (
    VERIFIER,
    Evidence,
    Labels,
    Observation,
    PriorAccuracy,
    Votes,
    gather_evidence,
    held_back_log_odds,
    judgment_votes,
    label_votes,
    with_verifier_accuracy,
)
from prefline.labeling.warrant import MeasuredAgreement, agreement_by_threshold
from prefline.stats import Floats
from prefline.tables import Rejection
from tasks.pair.answers import Reviews, aggregate_answers, reviewed_pairs
from tasks.pair.consensus import Consensus, Reviewer, estimate_consensus
from tasks.pair.formats.plain import TIE, Answers
from tasks.pair.verifier_accuracy import UNKNOWN, VerifierAccuracy, measure_verifiers

NO_ANSWERS = Answers()
_FOLDS = 10  # in which anchors are held back from the fit that labels them
_SUREST = 0.9999
_SURE_ENOUGH = 0.25  # from even odds: an anchor that labels are compared with
_DIGITS = 9  # of p_chosen: beyond them machines differ
_ERROR_DIGITS = 4
_EVEN = 1e-6  # log-odds of a label that is held at even odds
_NOTHING_KNOWN: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A pair with its label: `chosen` and `rejected` are response ids.

    `log_odds_se` is the standard error of the log-odds of `p_chosen`, from what is not known of
    the judges; it is 0 where no model judge counts. `anchored` says that a verifier or people
    decided the pair, or measured a judge of it; `held` that the label was kept from going against
    all judges. `votes` are what people said, by reviewer, where they decided: +1 the lower id, -1
    the upper, 0 neither. Where `reason` is set the pair is no preference, and `detail` says why.
    """

    evidence: Evidence
    chosen: str
    rejected: str
    p_chosen: float
    agreement: float
    label_source: str
    log_odds_se: float = 0.0
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


@dataclass(frozen=True, slots=True)
class LabelledPairs:
    """All pairs, in the order of their ids.

    `by_judges` are the pairs that were judged, with their label on the word of judges alone;
    `final` have people's in its place wherever they looked, and the pairs that people alone
    looked at. `verifiers` is how right each kind of verifier is, by kind. `labels` is what the
    label model says of pairs and judges, `reviews` what people answered, `reviewers` how right each
    of them is. `warrant` is how often labels by judges agree with anchors that did not teach them,
    `held_back` (n,) the log-odds by judges of the lower id of each pair of `by_judges` that is an
    anchor, by a fit that did not see it, NaN for other pairs.
    """

    by_judges: list[LabelledPair]
    final: list[LabelledPair]
    labels: Labels
    reviews: Reviews
    reviewers: Mapping[str, Reviewer]
    warrant: Sequence[MeasuredAgreement] = ()
    held_back: Floats = field(default_factory=lambda: np.zeros(0))
    verifiers: Mapping[str, VerifierAccuracy] = field(default_factory=dict)

    @property
    def by_people(self) -> dict[str, LabelledPair]:
        """The pairs that people looked at, by id."""
        answered = self.reviews.by_pair()
        pairs = {pair.evidence.pair_id: pair for pair in self.final}
        return {pair_id: pairs[pair_id] for pair_id in answered}


def label_pairs(
    judgments: list[dict[str, Any]],
    params: PairParams,
    *,
    answers: Answers = NO_ANSWERS,
    lengths: Mapping[str, int] | None = None,
    human_judges: Collection[str] = (),
    checks: Mapping[str, str] = _NOTHING_KNOWN,
    prompt_of: Mapping[str, str] = _NOTHING_KNOWN,
    refused: Collection[str] = (),
) -> LabelledPairs:
    """Return every pair that was judged or reviewed with its label, or the reason for none.

    `lengths` are the responses' characters by id, without which no length bias is taken off;
    `human_judges` the names of imported judges that are people; `checks` the prompts' kinds of
    verifier by prompt id. `prompt_of` are the prompts' ids by response id, without which a pair
    that nobody judged has no label by people; nor has one that is `refused`, by its id. Raises
    `InputError` for an answer that names other responses than its pair's, `ParamsError` for a
    prior accuracy of a judge that is not there.
    """
    evidence = gather_evidence(judgments)
    judged = {each.pair_id for each in evidence}
    reviewed_only = reviewed_pairs(answers, judged, prompt_of, refused)
    people = ask_people(answers, [*evidence, *reviewed_only], params)
    verifiers = measure_verifiers(evidence, checks, people.consensus, params.verifier_accuracy)
    verified = [_verifier_accuracy(each, checks, verifiers) for each in evidence]
    votes = judgment_votes(judgments, evidence, lengths or {}, people=human_judges)
    votes = with_verifier_accuracy(votes, np.array(verified))
    votes = _with_people(votes, evidence, people.consensus)
    known = _prior_accuracy(votes, params)
    labels = label_votes(votes, prior_accuracy=known)
    held_back = _held_back(votes, evidence, known, params)
    log_odds = np.where(np.isnan(held_back), labels.log_odds, held_back).round(_DIGITS)
    by_judges = [
        _label_by_judges(
            each,
            float(log_odds[at]),
            round(float(labels.log_odds_se[at]), _ERROR_DIGITS),
            bool(labels.anchored[at]),
            bool(labels.held[at]),
            verified[at],
            params,
        )
        for at, each in enumerate(evidence)
    ]
    final = apply_human_labels(by_judges, people, params) + [
        _label_by_people(each, people, params) for each in reviewed_only
    ]
    return LabelledPairs(
        by_judges=by_judges,
        final=sorted(final, key=lambda pair: pair.evidence.pair_id),
        labels=labels,
        reviews=people.reviews,
        reviewers=people.reviewers,
        warrant=_warrant(votes, held_back),
        held_back=held_back,
        verifiers=verifiers,
    )


def without_label(pair: Evidence) -> LabelledPair:
    """Return a pair that nobody judged, as the review queue takes it."""
    return LabelledPair(pair, pair.lower, pair.upper, 0.5, 0.0, "ai", reason="not_judged")


def human_judges(judged: Mapping[str, Any]) -> list[str]:
    """Return the names of the judges that are people; `judged` are the metrics of `judge`."""
    judges = judged.get("judges", {}).items()
    return [name for name, figures in judges if figures.get("kind") == "human"]


def ask_people(answers: Answers, evidence: Sequence[Evidence], params: PairParams) -> People:
    """Return what people say of these pairs.

    Raises `InputError` for an answer that names other responses than its pair's.
    """
    reviews = aggregate_answers(answers, evidence)
    reviewers, consensus = estimate_consensus(reviews.votes, params.review.human_accuracy)
    return People(reviews, reviewers, consensus, reviews.of_pairs())


def apply_human_labels(
    pairs: Sequence[LabelledPair], people: People, params: PairParams
) -> list[LabelledPair]:
    """Return the same pairs, with people's label in place of the judges' wherever they looked."""
    return [
        _label_by_people(pair.evidence, people, params)
        if pair.evidence.pair_id in people.consensus
        else pair
        for pair in pairs
    ]


def _verifier_accuracy(
    evidence: Evidence, checks: Mapping[str, str], verifiers: Mapping[str, VerifierAccuracy]
) -> float:
    """Return the accuracy of the verifier that decided a pair; one half where none did."""
    if not evidence.verified:
        return 0.5
    return verifiers[checks.get(evidence.prompt_id, UNKNOWN)].accuracy


def _with_people(
    votes: Votes, evidence: Sequence[Evidence], consensus: Mapping[str, Consensus]
) -> Votes:
    """Return the votes with people's word for the truth of the pairs at which they looked.

    Its weight is the probability that they do not see a tie.
    """
    target, weight = votes.target.copy(), votes.weight.copy()
    for at, each in enumerate(evidence):
        people = consensus.get(each.pair_id)
        if people is not None:
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


def _held_back(
    votes: Votes,
    evidence: Sequence[Evidence],
    known: Mapping[str, PriorAccuracy],
    params: PairParams,
) -> Floats:
    """Return the judges' log-odds (N,) of anchors, by fits that did not see them; else NaN."""
    fold = np.array([int(_FOLDS * lot("fold", params.seed, each.prompt_id)) for each in evidence])
    return held_back_log_odds(votes, fold.astype(np.int64), prior_accuracy=known)


def _warrant(votes: Votes, held_back: Floats) -> list[MeasuredAgreement]:
    """Return how often held-back labels agree with the anchors that are more true than not."""
    anchors = ~np.isnan(held_back) & (np.abs(votes.target - 0.5) > _SURE_ENOUGH)
    log_odds = held_back[anchors].round(_DIGITS)
    right = np.sign(log_odds) == np.sign(votes.target[anchors] - 0.5)
    return agreement_by_threshold(1 / (1 + np.exp(-np.abs(log_odds))), right)


def disagreement(pair: LabelledPair) -> float:
    """Return the share of the model judges that name a winner which name the other response.

    0 where a verifier has decided.
    """
    if pair.evidence.verified:
        return 0.0
    models = {
        observation.judge
        for observation in pair.evidence.observations
        if observation.method != VERIFIER
    }
    named = [w for judge, w in _winners(pair.evidence).items() if w and judge in models]
    chosen = 1 if pair.chosen == pair.evidence.lower else -1
    return sum(winner != chosen for winner in named) / len(named) if named else 0.0


def split_of(prompt_id: str, params: PairParams) -> str:
    """Return the split of a prompt, by hash: all of its pairs fall into one."""
    return "test" if lot("split", params.seed, prompt_id) < params.test_share else "train"


def preference_row(
    pair: LabelledPair,
    prompt: Mapping[str, Any],
    responses: Mapping[str, Mapping[str, Any]],
    params: PairParams,
) -> dict[str, Any]:
    """Return the row of `preferences`; `prompt` is the prompt's row, `responses` rows by id."""
    chosen, rejected = responses[pair.chosen], responses[pair.rejected]
    return {
        "pair_id": pair.evidence.pair_id,
        "prompt_id": pair.evidence.prompt_id,
        "prompt": prompt["messages"],
        "chosen": [{"role": "assistant", "content": chosen["text"]}],
        "rejected": [{"role": "assistant", "content": rejected["text"]}],
        "chosen_id": pair.chosen,
        "rejected_id": pair.rejected,
        "chosen_model": chosen["model"],
        "rejected_model": rejected["model"],
        "p_chosen": pair.p_chosen,
        "log_odds": math.log(pair.p_chosen / (1 - pair.p_chosen)),
        "log_odds_se": pair.log_odds_se,
        "n_judgments": len(pair.evidence.observations),
        "agreement": pair.agreement,
        "n_reviews": len(pair.votes) or None,
        "reviewers": sorted(pair.votes) or None,
        "review_agreement": pair.review_agreement,
        "anchored": pair.anchored,
        "label_source": pair.label_source,
        "split": split_of(pair.evidence.prompt_id, params),
        "category": prompt["category"],
        "source": prompt["source"],
        "judges": ",".join(
            sorted({observation.judge for observation in pair.evidence.observations})
        ),
    }


def answer_rows(pairs: LabelledPairs) -> list[dict[str, Any]]:
    """Return the rows of `answers`: what people said that counts, with how right they are."""
    prompts = {pair.evidence.pair_id: pair.evidence.prompt_id for pair in pairs.final}
    return [
        {
            "pair_id": identity,
            "prompt_id": prompts[identity],
            "reviewer": reviewer,
            "preferred_id": None if answer.preferred == TIE else answer.preferred,
            "answered_at": answer.when.isoformat() if answer.when else None,
            "place": answer.place,
            "accuracy": pairs.reviewers[reviewer].accuracy,
        }
        for (identity, reviewer), answer in sorted(pairs.reviews.counted.items())
    ]


def pair_rejection(pair: LabelledPair) -> Rejection:
    """Return the row of `rejections` of a pair that is no preference."""
    assert pair.reason is not None
    return Rejection("pair", "pair", pair.evidence.pair_id, pair.reason, pair.detail)


def _label_by_judges(
    evidence: Evidence,
    log_odds: float,
    log_odds_se: float,
    anchored: bool,
    held: bool,
    verifier_accuracy: float,
    params: PairParams,
) -> LabelledPair:
    """Return the label of one pair on the word of judges alone.

    Log-odds of independent sources add up: those of the model judges, and the verifier with its
    accuracy. Judges do not overrule a verifier: where they outweigh it, the label is left at even
    odds, on its side, and is no preference.
    """
    strength = math.log(verifier_accuracy / (1 - verifier_accuracy))
    verified = evidence.verified or 0
    total = strength * verified + log_odds
    if verified * total < 0:
        total = verified * _EVEN
    p = 1 / (1 + math.exp(-abs(total)))
    pair = replace(
        _labelled(evidence, total >= 0, p, _source(evidence)),
        log_odds_se=log_odds_se,
        anchored=anchored or bool(evidence.verified),
        held=held and not evidence.verified,
    )
    if pair.p_chosen >= params.min_p_chosen:
        return pair
    reason, detail = _why_rejected(pair)
    return replace(pair, reason=reason, detail=detail)


def _label_by_people(evidence: Evidence, people: People, params: PairParams) -> LabelledPair:
    """Return the label of a pair that people looked at: only their word counts."""
    said, votes = people.consensus[evidence.pair_id], people.votes[evidence.pair_id]
    p = max(said.lower, said.upper)
    pair = replace(
        _labelled(evidence, said.lower >= said.upper, p, "human"), anchored=True, votes=votes
    )
    if pair.p_chosen >= params.min_p_chosen:
        return pair
    chances = f"p = {said.lower:.3f}, {said.upper:.3f}, tie {said.tie:.3f}"
    detail = f"{said.n} answer(s) by {', '.join(sorted(votes))}: {chances}"
    return replace(pair, reason=_why_people_do_not(said), detail=detail)


def _labelled(evidence: Evidence, is_lower: bool, p: float, source: str) -> LabelledPair:
    direction = 1 if is_lower else -1
    chosen, rejected = (evidence.lower, evidence.upper)[::direction]
    votes = [observation.vote for observation in evidence.observations]
    agreement = sum(vote == direction for vote in votes) / len(votes) if votes else 0.0
    p_chosen = min(round(p, _DIGITS), _SUREST)
    return LabelledPair(evidence, chosen, rejected, p_chosen, agreement, source)


def _source(evidence: Evidence) -> str:
    return "verifier" if evidence.verified else judges_source(evidence)


def judges_source(evidence: Evidence) -> str:
    """Return what the label of a pair on the word of judges alone rests on."""
    methods = {
        observation.method
        for observation in evidence.observations
        if observation.method != VERIFIER
    }
    return "imported" if methods == {"imported"} else "ai"


def _winners(evidence: Evidence) -> dict[str, int]:
    """Return which response each judge names over its valid verdicts.

    +1 the lower id, -1 the upper, 0 neither (ties, or as many for each).
    """
    votes: dict[str, int] = defaultdict(int)
    for observation in evidence.observations:
        votes[observation.judge] += observation.vote
    return {judge: (total > 0) - (total < 0) for judge, total in votes.items()}


def _why_rejected(pair: LabelledPair) -> tuple[str, str]:
    evidence = pair.evidence
    p = f"p = {pair.p_chosen:.3f}"
    if not evidence.observations:
        return "no_valid_verdict", f"{evidence.invalid} invalid verdict(s)"
    named = _winners(evidence)
    if {1, -1} <= set(named.values()):
        sides = [sorted(judge for judge, w in named.items() if w == side) for side in (1, -1)]
        return "judges_disagree", f"{' and '.join(sides[0])} against {' and '.join(sides[1])}; {p}"
    flipped = [judge for judge in sorted(named) if _flips(evidence.of(judge))]
    if flipped:
        return "order_flip", f"the verdict of {', '.join(flipped)} depends on the order; {p}"
    if not any(named.values()) and any(
        observation.vote == 0 for observation in evidence.observations
    ):
        return "tie", f"{', '.join(sorted(named))}: neither is better"
    if pair.held:
        return "uncertain", f"all judges say the same, anchors point the other way; {p}"
    return "uncertain", f"{p} is below min_p_chosen"


def _flips(observations: Sequence[Observation]) -> bool:
    """Tell whether a judge names one response in one order and the other in the other.

    By their sum where a judge has several verdicts in an order, such as by principle.
    """
    lower_first = sum(observation.vote for observation in observations if observation.shown_first)
    upper_first = sum(
        observation.vote for observation in observations if not observation.shown_first
    )
    return lower_first * upper_first < 0


def _why_people_do_not(people: Consensus) -> str:
    if people.tie > max(people.lower, people.upper):
        return "people_tie"
    return "uncertain" if people.unanimous else "people_disagree"
