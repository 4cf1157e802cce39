"""Estimate calls, tokens, cost and time of the next run without a call: `prefline estimate`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from prefline.config import Endpoint, EndpointJudge, Params, read_params
from prefline.errors import TableError
from prefline.llm import ReplyStore, Request, Usage, dry_run
from prefline.llm.conversation import CHARACTERS_PER_TOKEN, SHARE_OF_MAX_TOKENS
from prefline.llm.outcome import cost_usd
from prefline.llm.wire import Wire
from prefline.project import Project
from prefline.reward.version import Preferences
from prefline.tables import parts_of, read_table
from prefline.tables.prompts import Prompt, read_prompts
from tasks.evaluate import draw_prompts, trial_requests
from tasks.generate import (
    read_best_of_reward,
    read_imports,
    read_revision_principles,
    sample_conversations,
)
from tasks.judge.canaries import CanaryRun
from tasks.judge.jobs import JudgeJob, plan_comparisons, read_context
from tasks.judge.pairs import select_pairs
from tasks.judge.results import JudgeTask
from tasks.sample import evolve_requests, filter_requests, sample_prompts, sampling
from tasks.train.trainers import trainer_of

_TOKENS_PER_S = {True: 180.0, False: 50.0}  # bundled model in all; other models per call


Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """The coming calls of one stage to one model: calls that are not in the reply store yet,
    tokens, price in USD and time in seconds. `exact` is False where the requests depend
    on replies that are still to come, so that they were counted, not built."""

    stage: str
    model: str
    calls: int
    cached: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    seconds: float
    exact: bool


def estimate(project: Project) -> list[StageEstimate]:
    """Return the next run's calls, by stage and model. Calls no model and writes nothing."""
    params = read_params(project.params)
    prompts = _prompts(project, params)
    with ReplyStore(project.replies, read_only=True) as store:
        estimates = [
            # Which prompts are drawn may be another by then.
            replace(_measure("sample", endpoint, asked, store, params), exact=False)
            for endpoint, asked in _sampling(project, prompts, params)
        ]
        principles = read_revision_principles(params.generate, project.root)
        reward_head = read_best_of_reward(params.generate, project.root)
        generated, known = dry_run(
            sample_conversations(prompts, params.generate, principles, reward_head),
            store,
            endpoints=params.generate.endpoints,
        )
        writers = [
            *params.generate.endpoints,
            *([reward_head.params.endpoint] if reward_head else []),
        ]
        estimates += [
            replace(_measure("generate", endpoint, generated, store, params), exact=known)
            for endpoint in writers
        ]
        ready = all(request.key in store for request in generated)
        answers = _responses(project) if ready else None
        for judge, judge_tasks in _judging(project, params, prompts, answers):
            requests, exact = dry_run(judge_tasks, store, endpoints=params.judge.endpoints)
            # Adaptive judging asks less, and what it asks depends on what is answered.
            exact = exact and answers is not None and params.judge.adaptive is None
            estimates += [
                replace(_measure("judge", endpoint, requests, store, params), exact=exact)
                for endpoint in judge.endpoints
            ]
        for stage, endpoint, asked in _learning(project, params):
            # Pairs and their labels may be others by then.
            estimates.append(replace(_measure(stage, endpoint, asked, store, params), exact=False))
    return estimates


def _sampling(
    project: Project, prompts: list[Prompt], params: Params
) -> Iterator[tuple[Endpoint, Iterable[Request]]]:
    """Yield what sampling asks: filters and a diverse mix of all that is in the sources, evolving
    of what is drawn."""
    section = params.sample
    if section.endpoints:
        with sampling(section, project.root) as sample:
            yield from filter_requests(section, sample.accepted)
    if section.evolve is not None:
        yield section.evolve.endpoint, evolve_requests(prompts, section)


def _learning(
    project: Project, params: Params
) -> Iterator[tuple[str, Endpoint, Iterable[Request]]]:
    """Yield what training and evaluation ask, as far as it can be told before there is a model: for
    embeddings of the pairs that there are, and for answers to held-out prompts."""
    trainer = trainer_of(params.train)
    for endpoint in trainer.endpoints(params.train):
        yield "train", endpoint, trainer.requests(params.train, _preferences(project))
    section = params.evaluate
    held_out = draw_prompts(_held_out(project, params), section)
    endpoint = section.policy.endpoint
    yield "evaluate", endpoint, trial_requests(held_out, endpoint.model, section)


def _preferences(project: Project) -> Preferences:
    try:
        return Preferences(parts_of(project.table("preferences")))
    except TableError:
        return Preferences([])


def _held_out(project: Project, params: Params) -> list[Prompt]:
    try:
        return read_prompts(project.table("held_out"))
    except TableError:
        return sample_prompts(params.sample, project.root)[1]


def _prompts(project: Project, params: Params) -> list[Prompt]:
    """Return the next run's prompts: the table if there is one, else the sources."""
    try:
        return read_prompts(project.table("prompts"))
    except TableError:
        return sample_prompts(params.sample, project.root)[0]


def _measure(
    stage: str, endpoint: Endpoint, requests: Iterable[Request], store: ReplyStore, params: Params
) -> StageEstimate:
    wire = Wire(endpoint)
    mine = [wire.keyed(request) for request in requests if request.model == endpoint.model]
    fresh = [request for request in mine if request.key not in store]
    read = sum(len(m["content"]) for r in fresh for m in r.messages) // CHARACTERS_PER_TOKEN
    written = int(sum(r.sampling.max_tokens for r in fresh) * SHARE_OF_MAX_TOKENS)
    most = endpoint.limits.max_in_flight or params.engine.max_in_flight
    at_once = 1 if endpoint.is_local else min(most, max(1, len(fresh)))
    tokens = read + written if endpoint.is_local else written
    seconds = tokens / _TOKENS_PER_S[endpoint.is_local] / at_once
    return StageEstimate(
        stage=stage,
        model=endpoint.model,
        calls=len(fresh),
        cached=len(mine) - len(fresh),
        input_tokens=read,
        output_tokens=written,
        cost_usd=cost_usd(endpoint.prices, Usage(read, written), batch=endpoint.mode == "batch"),
        seconds=max(seconds, _seconds_at_rates(endpoint, len(fresh), read + written)),
        exact=True,
    )


def _seconds_at_rates(endpoint: Endpoint, calls: int, tokens: int) -> float:
    """Return the least time that the endpoint's rates let so many calls and tokens take."""
    limits = endpoint.limits
    rates = ((calls, limits.requests_per_minute), (tokens, limits.tokens_per_minute))
    return max((60 * amount / rate for amount, rate in rates if rate is not None), default=0.0)


def _responses(project: Project) -> list[Row] | None:
    try:
        return read_table(project.table("responses")).to_pylist()
    except TableError:
        return None


def _judging(
    project: Project, params: Params, prompts: list[Prompt], answers: list[Row] | None
) -> Iterator[tuple[EndpointJudge, Iterator[JudgeTask]]]:
    """Yield each judge that asks an endpoint with all that it could be asked about `answers`,
    the rows of `responses`; where these are still to come, about stand-ins of their number and
    about their length."""
    section = params.judge
    if answers is None:
        answers = list(_stand_ins(project, params, prompts))
        section = section.model_copy(update={"quarantine": False})
    pairs = select_pairs(prompts, answers, section)
    canaries = CanaryRun.of(prompts, section, project.root, project.table("canaries"))
    for judge in section.judges:
        if isinstance(judge, EndpointJudge):
            context = read_context(judge, section, project.root, answers)
            plan = list(plan_comparisons(pairs.comparisons, judge, context))
            job = JudgeJob(judge, context, plan)
            yield judge, job.tasks()
            for canary in canaries.jobs([job]):
                yield judge, canary.tasks()


def _stand_ins(project: Project, params: Params, prompts: list[Prompt]) -> Iterator[Row]:
    imported = read_imports(prompts, params.generate, project.root).rows
    counts = Counter(row["prompt_id"] for row in imported)
    filler = "x" * int(params.generate.max_tokens * SHARE_OF_MAX_TOKENS * CHARACTERS_PER_TOKEN)
    for prompt in prompts:
        for number in range(params.generate.answers_per_prompt + counts[prompt.prompt_id]):
            yield {
                "response_id": f"{prompt.prompt_id} {number}", "prompt_id": prompt.prompt_id,
                "model": "", "sample_index": number, "text": f"{number} {filler}",
                "finish_reason": "stop", "parent_id": None,
            }  # fmt: skip


def as_json(estimates: list[StageEstimate]) -> dict[str, Any]:
    """Return the estimate with its totals, for `--json`."""
    totals = ("calls", "cached", "input_tokens", "output_tokens", "cost_usd", "seconds")
    return {
        "stages": [asdict(one) for one in estimates],
        "total": {name: sum(getattr(one, name) for one in estimates) for name in totals},
    }
