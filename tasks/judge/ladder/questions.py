"""What a ladder of judges can be asked, what it was asked, and what it may spend."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from prefline.config import LadderParams
from prefline.labeling import Evidence
from tasks.judge.comparisons import Comparison

_FREE = 0.01  # of the mean price


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """A pair put to a judge in one order; `shown_first` says that the judge sees the pair's lower
    response id first, as in `Saying`."""

    judge: str
    pair_id: str
    shown_first: bool


@dataclass(frozen=True, slots=True)
class Rung:
    """A judge of the ladder. `askable` holds, by pair id, the orders (`shown_first`) in which the
    judge can be asked about the pair at all; `calls` is how many calls a question takes at most,
    and `usd` the most that these can cost."""

    judge: str
    askable: Mapping[str, Collection[bool]]
    usd: float = 0.0
    calls: int = 1


@dataclass(frozen=True, slots=True)
class Ladder:
    """The judges from the cheapest to the strongest, and how they are used. `seed` draws the
    pilot, and which order comes first where a judge has two."""

    rungs: Sequence[Rung]
    params: LadderParams
    seed: int = 0

    @property
    def pair_ids(self) -> list[str]:
        """Of every pair that some judge can be asked about, in their natural order."""
        return sorted(set().union(*(rung.askable for rung in self.rungs)))

    @property
    def costs(self) -> list[float]:
        """What a question to each judge counts: its price over the judges' mean price, or its
        calls over their mean where none has a price. A free question beside others that cost
        something takes time too."""
        priced = any(rung.usd for rung in self.rungs)
        prices = [rung.usd if priced else float(rung.calls) for rung in self.rungs]
        return [max(price * len(prices) / sum(prices), _FREE) for price in prices]


@dataclass(frozen=True, slots=True)
class History:
    """What happened so far: `evidence` of the verifiers and of all answers, the questions that
    were `asked` (answered or not), in how many `waves`, and the `usd` billed for
    them (by `math.fsum`, so that it is the same in any order)."""

    evidence: Sequence[Evidence]
    asked: Collection[Question] = frozenset()
    waves: int = 0
    usd: float = 0.0


def questions_of(judge: str, plan: Iterable[Comparison]) -> dict[Question, Comparison]:
    """A plan's comparisons by the question that each is for its judge."""
    return {
        Question(judge, one.pair_id, one.first.response_id < one.second.response_id): one
        for one in plan
    }


def rung_of(judge: str, questions: Iterable[Question], usd: float = 0.0, calls: int = 1) -> Rung:
    """A judge that can be asked just these questions, each in `calls` for at most `usd`."""
    askable: dict[str, list[bool]] = defaultdict(list)
    for question in questions:
        askable[question.pair_id].append(question.shown_first)
    return Rung(judge, dict(askable), usd, calls)
