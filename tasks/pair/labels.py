"""Pairs with their labels: by judges, by people, and as rows of preferences or rejections."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prefline.config import PairParams
from prefline.ids import lot
from prefline.labeling import (
    VERIFIER,
    Calibration,
    Evidence,
    Observation,
    gather_evidence,
    label,
)
from prefline.tables import Rejection
from tasks.pair.answers import Reviews, aggregate_answers
from tasks.pair.consensus import Consensus, Reviewer, estimate_consensus
from tasks.pair.formats.plain import Answers

NO_ANSWERS = Answers()
_SUREST = 0.9999
_DIGITS = 9  # of p_chosen: beyond them machines differ


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A pair with its label: `chosen` and `rejected` are response ids.

    `log_odds_se` is the standard error of the log-odds of `p_chosen`, from what is not known of
    the judges; it is 0 where no model judge counts. Where `reason` is set the pair is no
    preference, and `detail` says why.
    """

    evidence: Evidence
    chosen: str
    rejected: str
    p_chosen: float
    agreement: float
    label_source: str
    log_odds_se: float = 0.0
    reason: str | None = None
    detail: str | None = None

    @property
    def p_lower(self) -> float:
        """The probability that the pair's lower id is better."""
        return self.p_chosen if self.chosen == self.evidence.lower else 1 - self.p_chosen


@dataclass(frozen=True, slots=True)
class LabelledPairs:
    """All pairs, in the order of their ids.

    `by_judges` have their label on the word of judges alone, `final` people's in its place
    wherever they looked. `calibrations` of the judges, what people answered (`reviews`), and how
    right each reviewer is.
    """

    by_judges: list[LabelledPair]
    final: list[LabelledPair]
    calibrations: Mapping[str, Calibration]
    reviews: Reviews
    reviewers: Mapping[str, Reviewer]

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
) -> LabelledPairs:
    """Return every pair with its label or the reason for none.

    `lengths` are the responses' characters by id; without them no length bias is taken off.
    Raises `InputError` for an answer that names other responses than its pair's.
    """
    calibrations, pairs = label_by_judges(judgments, params, lengths)
    return apply_human_labels(pairs, calibrations, answers, params)


def label_by_judges(
    judgments: list[dict[str, Any]], params: PairParams, lengths: Mapping[str, int] | None = None
) -> tuple[Mapping[str, Calibration], list[LabelledPair]]:
    """Return the judges' calibrations, and the pairs' labels on the word of judges alone."""
    evidence = gather_evidence(judgments, lengths)
    labels = label(evidence, params.verifier_accuracy)
    log_odds, errors = labels.log_odds.tolist(), labels.log_odds_se.tolist()
    rows = zip(evidence, log_odds, errors, strict=True)
    return labels.calibrations, [_label_by_judges(*row, params) for row in rows]


def apply_human_labels(
    pairs: list[LabelledPair],
    calibrations: Mapping[str, Calibration],
    answers: Answers,
    params: PairParams,
) -> LabelledPairs:
    """Return the same pairs, with people's label in place of the judges' wherever they looked."""
    reviews = aggregate_answers(answers, (pair.evidence for pair in pairs))
    reviewers, consensus = estimate_consensus(reviews.votes, params.review.human_accuracy)
    final = [
        _label_by_people(pair.evidence, consensus[pair.evidence.pair_id], params)
        if pair.evidence.pair_id in consensus
        else pair
        for pair in pairs
    ]
    return LabelledPairs(pairs, final, calibrations, reviews, reviewers)


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
        "label_source": pair.label_source,
        "split": split_of(pair.evidence.prompt_id, params),
        "category": prompt["category"],
        "source": prompt["source"],
        "judges": ",".join(
            sorted({observation.judge for observation in pair.evidence.observations})
        ),
    }


def pair_rejection(pair: LabelledPair) -> Rejection:
    """Return the row of `rejections` of a pair that is no preference."""
    assert pair.reason is not None
    return Rejection("pair", "pair", pair.evidence.pair_id, pair.reason, pair.detail)


def _label_by_judges(
    evidence: Evidence, log_odds: float, log_odds_se: float, params: PairParams
) -> LabelledPair:
    """Return the label of one pair on the word of judges alone.

    Log-odds of independent sources add up: those of the model judges, and the verifier with its
    known accuracy.
    """
    strength = math.log(params.verifier_accuracy / (1 - params.verifier_accuracy))
    total = strength * (evidence.verified or 0) + log_odds
    p = 1 / (1 + math.exp(-abs(total)))
    pair = replace(_labelled(evidence, total >= 0, p, _source(evidence)), log_odds_se=log_odds_se)
    if pair.p_chosen >= params.min_p_chosen:
        return pair
    reason, detail = _why_rejected(pair)
    return replace(pair, reason=reason, detail=detail)


def _label_by_people(evidence: Evidence, people: Consensus, params: PairParams) -> LabelledPair:
    """Return the label of a pair that people looked at: only their word counts."""
    p = max(people.lower, people.upper)
    pair = _labelled(evidence, people.lower >= people.upper, p, "human")
    if pair.p_chosen >= params.min_p_chosen:
        return pair
    chances = f"p = {people.lower:.3f}, {people.upper:.3f}, tie {people.tie:.3f}"
    detail = f"{people.n} answer(s): {chances}"
    return replace(pair, reason=_why_people_do_not(people), detail=detail)


def _labelled(evidence: Evidence, is_lower: bool, p: float, source: str) -> LabelledPair:
    direction = 1 if is_lower else -1
    chosen, rejected = (evidence.lower, evidence.upper)[::direction]
    votes = [observation.vote for observation in evidence.observations]
    agreement = sum(vote == direction for vote in votes) / len(votes) if votes else 0.0
    p_chosen = min(round(p, _DIGITS), _SUREST)
    return LabelledPair(evidence, chosen, rejected, p_chosen, agreement, source)


def _source(evidence: Evidence) -> str:
    if evidence.verified:
        return "verifier"
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
