"""What is asked in turn: everything at once or, by a ladder, only where it can change a label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from prefline.config import (
    AskingJudge,
    ConstitutionJudge,
    Judge,
    JudgeParams,
    LadderParams,
    ModelJudge,
)
from prefline.errors import ParamsError
from prefline.ids import pair_id
from prefline.labeling import gather_evidence
from prefline.llm import dry_run
from prefline.llm.outcome import cost_usd, max_usage
from tasks.judge.comparisons import Comparison
from tasks.judge.kit import Kit
from tasks.judge.ladder import History, Ladder, Question, Rung, next_wave, questions_of, rung_of
from tasks.judge.methods import METHODS
from tasks.judge.methods.sheet import question_of
from tasks.judge.ruling import Hearing


@dataclass(frozen=True, slots=True)
class Asked:
    """A judge, what it is given, and what it is asked."""

    judge: Judge
    kit: Kit
    plan: Sequence[Comparison]

    def hearings(self) -> Iterator[Hearing]:
        """The dialogues with the judge."""
        return METHODS[self.judge.method].hearings(self.judge, self.kit, self.plan)

    @property
    def calls(self) -> int:
        """How many calls these take at most."""
        return METHODS[self.judge.method].calls(self.judge, self.kit, self.plan)

    @property
    def climbs(self) -> bool:
        """Whether a ladder can ask it question by question: a model that compares two answers."""
        return isinstance(self.judge, ModelJudge) and METHODS[self.judge.method].in_order


class Waves:
    """Says what to ask next, given what has been answered. `lengths` are the responses'
    characters by id.

    Without a ladder that is everything, at once. With one it is first all of the judges that it
    cannot ask question by question (verifiers, imports, rubrics, rankings), then wave by wave
    what `next_wave` finds worth asking of the others.
    """

    def __init__(
        self, params: JudgeParams, asked: Sequence[Asked], lengths: Mapping[str, int]
    ) -> None:
        self._lengths = lengths
        self._climbers = [one for one in asked if params.ladder and one.climbs]
        self._first = [one for one in asked if one not in self._climbers]
        self._questions: dict[Question, Comparison] = {}
        rungs = []
        for one in self._climbers:
            questions = questions_of(one.judge.name, one.plan)
            self._questions |= questions
            rungs.append(_rung(one, questions))
        self._ladder = None
        if params.ladder is not None:
            left = _left_of(params.ladder, [one for one in self._first if one.calls])
            self._ladder = Ladder(rungs, left, params.seed)
        self._put: set[Question] = set()
        self._waves = 0

    def next(self, judgments: Sequence[pa.Table]) -> list[Asked]:
        """What to ask next; nothing once judging is at its end."""
        if self._first:
            first, self._first = self._first, []
            return first
        if self._ladder is None or not self._climbers:
            return []
        questions = next_wave(self._ladder, self._history(judgments))
        self._waves += 1
        self._put |= set(questions)
        plans: dict[str, list[Comparison]] = {}
        for question in questions:
            plans.setdefault(question.judge, []).append(self._questions[question])
        return [
            replace(one, plan=plans[one.judge.name])
            for one in self._climbers
            if one.judge.name in plans
        ]

    def _history(self, judgments: Sequence[pa.Table]) -> History:
        """What was answered, and what all judges were paid; a question that got no verdict counts
        as if it had cost the most that it could."""
        assert self._ladder is not None
        rows = pa.concat_tables(judgments).to_pylist()
        answered = {_question(row) for row in rows}
        spent = sum(row["cost_usd"] or 0.0 for row in rows if row["request_key"])
        price = {rung.judge: rung.usd for rung in self._ladder.rungs}
        spent += sum(price[one.judge] for one in self._put - answered)
        evidence = gather_evidence(rows, self._lengths)
        return History(evidence, frozenset(self._put), self._waves, spent)


def _question(row: Mapping[str, Any]) -> Question:
    first, second = row["first_id"], row["second_id"]
    return Question(row["judge"], pair_id(first, second), first < second)


def _left_of(ladder: LadderParams, others: Sequence[Asked]) -> LadderParams:
    """The ladder with the calls that `others`, whom it cannot steer, leave of its budget.

    Raises `ParamsError` if these could pass it by themselves.
    """
    if ladder.max_calls is None and ladder.max_usd is None:
        return ladder
    calls = sum(one.calls for one in others)
    usd = sum(_highest_usd(one) for one in others) if ladder.max_usd is not None else 0.0
    over = calls > ladder.max_calls if ladder.max_calls is not None else False
    if over or (ladder.max_usd is not None and usd > ladder.max_usd):
        names = ", ".join(one.judge.name for one in others)
        cost = f" and cost up to ${usd:.2f}" if usd else ""
        raise ParamsError(
            f"the judges that a ladder asks everything ({names}) take {calls:,} calls{cost}, which "
            "is more than judge.ladder allows",
            "raise its max_calls or max_usd, or give these judges a max_pairs",
        )
    most = None if ladder.max_calls is None else ladder.max_calls - calls
    return ladder.model_copy(update={"max_calls": most})


def _rung(one: Asked, questions: Mapping[Question, Comparison]) -> Rung:
    """A judge with what it can be asked, and the most that one question can cost: about the
    longest comparison, by the longest principle."""
    if not one.plan:
        return rung_of(one.judge.name, questions)
    longest = replace(one, plan=[max(one.plan, key=_length)])
    if isinstance(one.judge, ConstitutionJudge) and one.judge.draw == "one":
        principle = max(one.kit.principles, key=lambda principle: len(principle.choose))
        longest = replace(longest, kit=replace(one.kit, principles=(principle,)))
    return rung_of(one.judge.name, questions, _highest_usd(longest), longest.calls)


def _length(one: Comparison) -> int:
    texts = (question_of(one.prompt), one.prompt.reference or "", one.first.text, one.second.text)
    return sum(map(len, texts))


def _highest_usd(one: Asked) -> float:
    """The most that what a judge is asked can cost, every reply as long as it may be."""
    assert isinstance(one.judge, AskingJudge)
    endpoint = one.judge.endpoint
    requests, _ = dry_run(one.hearings(), None, share=1.0)
    return sum(
        cost_usd(endpoint.prices, max_usage(request), batch=endpoint.mode == "batch")
        for request in requests
    )
