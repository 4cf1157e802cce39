"""Batches of judge jobs: everything at once or, adaptively, only where it can change a label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from prefline.config import AdaptiveParams, EndpointJudge, JudgeParams
from prefline.errors import ParamsError
from prefline.ids import pair_id
from prefline.llm import dry_run
from prefline.llm.outcome import cost_usd, max_usage
from prefline.verifiers import parse_verifier
from tasks.judge.adaptive import (
    AdaptivePlan,
    History,
    Question,
    Tier,
    left_to_people,
    next_batch,
    questions_of,
    tier_of,
)
from tasks.judge.comparisons import Comparison
from tasks.judge.jobs import JudgeJob
from tasks.judge.methods import method_of


class Batches:
    """Returns what to ask next, given what has been answered. `lengths` tells the responses'
    characters by id, where they are needed; `canaries` are asked beside the first batch.

    Without adaptive judging that is everything, at once. With it, it is first all of the judges
    that cannot be asked question by question (verifiers, imports, rubrics, rankings), then batch by
    batch what `next_batch` finds worth asking of the others.
    """

    def __init__(
        self,
        params: JudgeParams,
        jobs: Sequence[JudgeJob],
        lengths: Callable[[], Mapping[str, int]],
        canaries: Sequence[JudgeJob] = (),
    ) -> None:
        self._lengths = lengths() if params.adaptive else {}
        if params.adaptive is not None and _has_budget(params.adaptive):
            jobs = [job.asked_once() for job in jobs]
            canaries = [job.asked_once() for job in canaries]
        self._adaptive = [job for job in jobs if params.adaptive and job.is_adaptive]
        self._first = [job for job in jobs if job not in self._adaptive]
        self._questions: dict[Question, Comparison] = {}
        tiers = []
        for job in self._adaptive:
            questions = questions_of(job.judge.name, job.plan)
            self._questions |= questions
            tiers.append(_tier(job, questions))
        self._plan = None
        if params.adaptive is not None:
            others = [*self._first, *canaries]
            left = _budget_left(params.adaptive, [job for job in others if job.calls])
            left = _less_canaries(left, canaries)
            self._plan = AdaptivePlan(tiers, left, params.seed)
        self._first += canaries
        self._people = {judge.name for judge in params.judges if judge.is_human}
        self._checks = _verifier_accuracies(jobs) if self._plan else {}
        self._asked: set[Question] = set()
        self._number = 0

    def next(self, judgments: Iterable[pa.Table]) -> list[JudgeJob]:
        """Return what to ask next; nothing once judging is at its end."""
        if self._first:
            first, self._first = self._first, []
            return first
        if self._plan is None or not self._adaptive:
            return []
        questions = next_batch(self._plan, self._history(self._plan, judgments))
        self._number += 1
        self._asked |= set(questions)
        plans: dict[str, list[Comparison]] = {}
        for question in questions:
            plans.setdefault(question.judge, []).append(self._questions[question])
        return [
            replace(job, plan=plans[job.judge.name])
            for job in self._adaptive
            if job.judge.name in plans
        ]

    def for_people(self, judgments: Iterable[pa.Table]) -> list[str]:
        """Return the ids of the pairs on which a person's answer is the best use of what is left
        of the budget, once judging is at its end."""
        if self._plan is None or not self._adaptive:
            return []
        return left_to_people(self._plan, self._history(self._plan, judgments))

    def _history(self, plan: AdaptivePlan, judgments: Iterable[pa.Table]) -> History:
        """Return what was answered, and what all judges were paid; a question that got no verdict
        counts as if it had cost the most that it could."""
        rows = [row for table in judgments for row in table.to_pylist()]
        answered = {_question(row) for row in rows}
        spent = sum(row["cost_usd"] or 0.0 for row in rows if row["request_key"])
        price = {tier.judge: tier.usd for tier in plan.tiers}
        spent += sum(price[question.judge] for question in self._asked - answered)
        return History.of(
            rows,
            self._lengths,
            frozenset(self._asked),
            self._number,
            spent,
            checks=self._checks,
            people=self._people,
        )


def _verifier_accuracies(jobs: Sequence[JudgeJob]) -> dict[str, float]:
    """Return how often the verifier of each prompt is right, as its kind declares it."""
    prompts = {pair.prompt.prompt_id: pair.prompt for job in jobs for pair in job.plan}
    return {
        name: parse_verifier(prompt.verifier).accuracy
        for name, prompt in prompts.items()
        if prompt.verifier is not None
    }


def _question(row: Mapping[str, Any]) -> Question:
    first, second = row["first_id"], row["second_id"]
    return Question(row["judge"], pair_id(first, second), first < second)


def _has_budget(params: AdaptiveParams) -> bool:
    return params.max_calls is not None or params.max_usd is not None


def _budget_left(params: AdaptiveParams, others: Sequence[JudgeJob]) -> AdaptiveParams:
    """Return the params with the calls that `others`, whom they cannot steer, leave of the budget.

    Raises `ParamsError` if these could pass it by themselves.
    """
    if not _has_budget(params):
        return params
    calls = sum(job.calls for job in others)
    usd = sum(_highest_usd(job) for job in others) if params.max_usd is not None else 0.0
    too_many = params.max_calls is not None and calls > params.max_calls
    if too_many or (params.max_usd is not None and usd > params.max_usd):
        names = ", ".join(job.judge.name for job in others)
        cost = f" and cost up to ${usd:.2f}" if usd else ""
        raise ParamsError(
            f"the judges that adaptive judging asks everything ({names}) take {calls:,} "
            f"calls{cost}, which is more than judge.adaptive allows",
            "raise its max_calls or max_usd, or give these judges a max_pairs",
        )
    most = None if params.max_calls is None else params.max_calls - calls
    return params.model_copy(update={"max_calls": most})


def _less_canaries(params: AdaptiveParams, canaries: Sequence[JudgeJob]) -> AdaptiveParams:
    """Return the params with the USD that canaries leave of the budget: what they were paid is in
    no row of the judgments."""
    if params.max_usd is None:
        return params
    usd = sum(_highest_usd(job) for job in canaries if job.plan)
    return params.model_copy(update={"max_usd": max(params.max_usd - usd, 0.0)})


def _tier(job: JudgeJob, questions: Mapping[Question, Comparison]) -> Tier:
    """Return a judge with what it can be asked, and the most that one question can cost: about the
    longest comparison, under the costliest context."""
    if not job.plan:
        return tier_of(job.judge.name, questions)
    context = method_of(job.judge).costliest(job.judge, job.context)
    longest = JudgeJob(job.judge, context, [max(job.plan, key=_length)])
    return tier_of(job.judge.name, questions, _highest_usd(longest), longest.calls)


def _length(comparison: Comparison) -> int:
    prompt = comparison.prompt
    texts = (
        prompt.question,
        prompt.reference or "",
        comparison.first.text,
        comparison.second.text,
    )
    return sum(map(len, texts))


def _highest_usd(job: JudgeJob) -> float:
    """Return the most that what a judge is asked can cost, every reply as long as it may be."""
    assert isinstance(job.judge, EndpointJudge)
    asked = {endpoint.model: endpoint for endpoint in job.judge.endpoints}
    requests, _ = dry_run(job.tasks(), None, share=1.0)
    return sum(
        cost_usd(asked[one.model].prices, max_usage(one), batch=asked[one.model].mode == "batch")
        for one in requests
    )
