"""The questions of adaptive judging: the possible ones, those that were asked, and their price."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from prefline.config import AdaptiveParams
from prefline.ids import content_hash
from tasks.judge.comparisons import Comparison

if TYPE_CHECKING:
    from prefline.labeling import Evidence, Votes

_NO_CHECKS: Mapping[str, float] = {}
_ANY_CHECK = 0.95  # accuracy of a verifier of which nothing is known
PERSON = ""  # stands for a person where a question names a judge
_FREE = 0.01  # of the mean price
_DRAW = "pilot"  # salt of the calibration sample's draw: another one draws other pairs


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """A pair put to a judge in one order; `shown_first` says that the judge sees the pair's lower
    response id first."""

    judge: str
    pair_id: str
    shown_first: bool


@dataclass(frozen=True, slots=True)
class Tier:
    """A judge of adaptive judging.

    `askable` holds, by pair id, the orders (`shown_first`) in which the judge can be asked about
    the pair at all; `calls` is how many calls a question takes at most, and `usd` the most that
    these can cost.
    """

    judge: str
    askable: Mapping[str, Collection[bool]]
    usd: float = 0.0
    calls: int = 1


@dataclass(frozen=True, slots=True)
class AdaptivePlan:
    """The judges from the cheapest to the strongest, and how they are used. `seed` draws the
    calibration sample, and which order comes first where a judge has two."""

    tiers: Sequence[Tier]
    params: AdaptiveParams
    seed: int = 0

    @property
    def pair_ids(self) -> list[str]:
        """The id of every pair that some judge can be asked about, in their natural order."""
        return sorted(set().union(*(tier.askable for tier in self.tiers)))

    @property
    def costs(self) -> list[float]:
        """The weight of a question to each judge: its price over the judges' mean price, or its
        calls over their mean where none has a price. A free question beside others that cost
        something takes time too."""
        priced = any(tier.usd for tier in self.tiers)
        prices = [tier.usd if priced else float(tier.calls) for tier in self.tiers]
        return [max(price * len(prices) / sum(prices), _FREE) for price in prices]

    @property
    def person_cost(self) -> float:
        """The weight of a person's answer, in the unit of `costs`. Params see to it that a judge
        has a price where a person has one."""
        mean = sum(tier.usd for tier in self.tiers) / len(self.tiers)
        return max((self.params.human_usd or 0.0) / mean, _FREE) if mean else 1.0

    def questions_on(self, pair_id: str) -> list[Question]:
        """Return all that can be asked about a pair."""
        return [
            Question(tier.judge, pair_id, order)
            for tier in self.tiers
            for order in sorted(tier.askable.get(pair_id, ()))
        ]


@dataclass(frozen=True, slots=True)
class History:
    """The answers so far: `evidence` of the verifiers and of all answers, in the order of the
    pairs' ids, the same as `votes` with the verifiers' words as anchors, the questions that were
    `asked` (answered or not), in how many `batches`, and the `usd` billed for them.
    """

    evidence: Sequence[Evidence]
    votes: Votes
    asked: Collection[Question] = frozenset()
    batches: int = 0
    usd: float = 0.0

    @classmethod
    def of(
        cls,
        judgments: Sequence[Mapping[str, Any]],
        lengths: Mapping[str, int],
        asked: Collection[Question] = frozenset(),
        batches: int = 0,
        usd: float = 0.0,
        *,
        checks: Mapping[str, float] = _NO_CHECKS,
        people: Collection[str] = (),
    ) -> History:
        """Return the history that these rows of `judgments` tell.

        `lengths` are the responses' characters by id, `checks` how often the verifier of each
        prompt is right, `people` the judges that are human.
        """
        from prefline.labeling import gather_evidence, judgment_votes, with_verifier_accuracy

        evidence = gather_evidence(judgments)
        accuracy = [
            checks.get(pair.prompt_id, _ANY_CHECK) if pair.verified else 0.5 for pair in evidence
        ]
        votes = judgment_votes(judgments, evidence, lengths, people=people)
        votes = with_verifier_accuracy(votes, np.array(accuracy, dtype=float))
        return cls(evidence, votes, asked, batches, usd)


def questions_of(judge: str, plan: Iterable[Comparison]) -> dict[Question, Comparison]:
    """Return a plan's comparisons by the question that each is for its judge."""
    return {
        Question(
            judge,
            comparison.pair_id,
            comparison.first.response_id < comparison.second.response_id,
        ): comparison
        for comparison in plan
    }


def tier_of(judge: str, questions: Iterable[Question], usd: float = 0.0, calls: int = 1) -> Tier:
    """Return a judge that can be asked just these questions, each in `calls` for at most `usd`."""
    askable: dict[str, list[bool]] = defaultdict(list)
    for question in questions:
        askable[question.pair_id].append(question.shown_first)
    return Tier(judge, dict(askable), usd, calls)


def calibration_questions(plan: AdaptivePlan, verified: Set[str]) -> list[Question]:
    """Return every question on the calibration sample, pair by pair in the order of the draw.

    Every judge answers it in full, so that the judges can be fitted. A pair is in the sample if it
    is among the first `calibration_pairs` of the draw that some judge can be asked about: all
    judges draw alike, so that they meet on the same pairs, and one that speaks of few pairs is
    still met there by the others. No answer decides who is drawn. `verified` are ids of pairs that
    a verifier decides.
    """
    drawn = sorted(plan.pair_ids, key=lambda pair: content_hash([_DRAW, plan.seed, pair]))
    wanted: set[str] = set()
    for tier in plan.tiers:
        askable = [pair for pair in drawn if pair in tier.askable]
        wanted.update(_sample_of_one(plan, askable, verified))
    return [question for pair in drawn if pair in wanted for question in plan.questions_on(pair)]


def _sample_of_one(plan: AdaptivePlan, drawn: list[str], verified: Set[str]) -> Iterable[str]:
    """Return the sample of one judge: verified pairs as far as their share goes, then others."""
    size = plan.params.calibration_pairs
    gold = [pair for pair in drawn if pair in verified][: round(plan.params.gold_share * size)]
    others = [pair for pair in drawn if pair not in verified]
    return gold + others[: size - len(gold)]
