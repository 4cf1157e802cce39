"""Labelling all pairs of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefline.config import PairParams
from prefline.labeling import Calibration, gather_evidence, weigh
from tasks.pair.decide import Decided, decide, heed
from tasks.pair.people import Reviewer, agree
from tasks.pair.review import Answers, Reviews, settle

NO_ANSWERS = Answers()


@dataclass(frozen=True, slots=True)
class Labelled:
    """All pairs, in the order of their ids: `judged` with their label on the word of judges alone,
    `decided` with people's word in its place wherever they looked. What each judge's word is
    worth, what people answered, and how right each reviewer is."""

    judged: list[Decided]
    decided: list[Decided]
    calibrations: Mapping[str, Calibration]
    reviews: Reviews
    reviewers: Mapping[str, Reviewer]

    @property
    def by_people(self) -> dict[str, Decided]:
        """The pairs that people looked at, by id."""
        answered = self.reviews.by_pair()
        pairs = {one.evidence.pair_id: one for one in self.decided}
        return {pair: pairs[pair] for pair in answered}


def label_pairs(
    judgments: list[dict[str, Any]],
    params: PairParams,
    *,
    answers: Answers = NO_ANSWERS,
    lengths: Mapping[str, int] | None = None,
) -> Labelled:
    """Every pair with its label or the reason for none.

    `lengths` are the responses' characters by id; without them no length bias is taken off.
    Raises `InputError` for an answer that names other responses than its pair's.
    """
    calibrations, judged = by_judges(judgments, params, lengths)
    return with_people(judged, calibrations, answers, params)


def by_judges(
    judgments: list[dict[str, Any]], params: PairParams, lengths: Mapping[str, int] | None = None
) -> tuple[dict[str, Calibration], list[Decided]]:
    """What each judge's word is worth, and the pairs' labels on the word of judges alone."""
    evidence = gather_evidence(judgments, lengths)
    calibrations, worth = weigh(evidence, params.verifier_accuracy)
    pairs = zip(evidence, worth, strict=True)
    return calibrations, [decide(one, said, params) for one, said in pairs]


def with_people(
    judged: list[Decided],
    calibrations: Mapping[str, Calibration],
    answers: Answers,
    params: PairParams,
) -> Labelled:
    """The same pairs, with people's word in place of the judges' wherever they looked."""
    reviews = settle(answers, (one.evidence for one in judged))
    reviewers, people = agree(reviews.votes, params.review.human_accuracy)
    decided = [
        heed(one, people[one.evidence.pair_id], params) if one.evidence.pair_id in people else one
        for one in judged
    ]
    return Labelled(judged, decided, calibrations, reviews, reviewers)
