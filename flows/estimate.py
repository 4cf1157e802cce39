"""What the next run will ask of models, without asking: `prefline estimate`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from prefline.engine import ReplyStore, Request, Sampling, Usage, rehearse
from prefline.engine.rehearsal import CHARACTERS_PER_TOKEN, SHARE_OF_MAX_TOKENS
from prefline.engine.usage import cost_usd
from prefline.errors import TableError
from prefline.messages import Message
from prefline.params import Endpoint, JudgeParams, ModelJudge, OrderedJudge, Params, read_params
from prefline.project import Project
from prefline.prompts import Prompt, read_prompts
from prefline.tables import read_table
from tasks.generate import read_imports, read_revision_principles, samples
from tasks.judge import METHODS, offer_pairs, plan_comparisons, read_kit
from tasks.judge.ruling import Hearing
from tasks.sample import draw, keep
from tasks.sample import read_prompts as read_source

_TOKENS_PER_S = {True: 180.0, False: 50.0}  # bundled model in all; other models per call


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What one stage will ask of one model: calls that are not in the reply store yet,
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
    """The next run's calls, by stage and model. Calls no model and writes nothing."""
    params = read_params(project.params)
    prompts = _prompts(project, params)
    with ReplyStore(project.replies) as store:
        principles = read_revision_principles(params.generate, project.root)
        generated, known = rehearse(samples(prompts, params.generate, principles), store)
        found = [
            replace(_measure("generate", endpoint, generated, store, params), exact=known)
            for endpoint in params.generate.endpoints
        ]
        ready = all(request.key in store for request in generated)
        for judge in params.judge.judges:
            if isinstance(judge, ModelJudge):
                responses = _responses(project) if ready else None
                if responses is None:
                    answers = _answers(project, params, prompts)
                    requests, exact = list(_stand_ins(params, judge, answers)), False
                else:
                    plan = _Planned(project, params.judge, prompts, responses)
                    requests, exact = rehearse(plan.hearings(judge), store)
                one = _measure("judge", judge.endpoint, requests, store, params)
                found.append(replace(one, exact=exact))
    return found


def _prompts(project: Project, params: Params) -> list[Prompt]:
    """The prompts that the next run will have: the table if there is one, else the sources."""
    try:
        return read_prompts(project.table("prompts"))
    except TableError:
        read = (p for source in params.sample.sources for p in read_source(source, project.root))
        kept = keep(read, params.sample.max_characters).kept
        return draw(kept, params.sample.size, params.sample.seed)


def _measure(
    stage: str, endpoint: Endpoint, requests: Iterable[Request], store: ReplyStore, params: Params
) -> StageEstimate:
    mine = [request for request in requests if request.model == endpoint.model]
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
    """The least time that the endpoint's rates let so many calls and tokens take."""
    limits = endpoint.limits
    rates = ((calls, limits.requests_per_minute), (tokens, limits.tokens_per_minute))
    return max((60 * amount / rate for amount, rate in rates if rate is not None), default=0.0)


def _responses(project: Project) -> list[dict[str, Any]] | None:
    try:
        return read_table(project.table("responses")).to_pylist()
    except TableError:
        return None


@dataclass(frozen=True, slots=True)
class _Planned:
    """What the judges will be asked, now that the table of responses is that of the next run."""

    project: Project
    params: JudgeParams
    prompts: list[Prompt]
    responses: list[dict[str, Any]]

    def hearings(self, judge: ModelJudge) -> Iterator[Hearing]:
        """The dialogues with one judge."""
        offer = offer_pairs(self.prompts, self.responses, self.params)
        kit = read_kit(judge, self.params, self.project.root, self.responses)
        plan = list(plan_comparisons(offer.comparisons, judge, kit))
        return METHODS[judge.method].hearings(judge, kit, plan)


def _answers(project: Project, params: Params, prompts: list[Prompt]) -> list[tuple[Prompt, int]]:
    """How many answers each prompt will have at most."""
    imported = read_imports(prompts, params.generate, project.root).rows
    counts = Counter(row["prompt_id"] for row in imported)
    own = params.generate.answers_per_prompt
    return [(prompt, own + counts[prompt.prompt_id]) for prompt in prompts]


def _stand_ins(
    params: Params, judge: ModelJudge, answers: list[tuple[Prompt, int]]
) -> Iterator[Request]:
    answer = "x" * int(params.generate.max_tokens * SHARE_OF_MAX_TOKENS * CHARACTERS_PER_TOKEN)
    orders = 2 if isinstance(judge, OrderedJudge) and judge.orders == "both" else 1
    longest = None if judge.max_pairs is None else judge.max_pairs * orders
    every = (
        Request(
            model=judge.endpoint.model,
            messages=(Message(role="user", content=f"{prompt.text}{answer}{answer}{'x' * 600}"),),
            sampling=Sampling(0.0, 1.0, 4, number),
            tag="stand-in",
        )
        for prompt, count in answers
        for number in range(_pairs(count, params.judge) * orders)
    )
    return islice(every, longest)


def _pairs(answers: int, judge: JudgeParams) -> int:
    every = answers * (answers - 1) // 2
    return every if judge.pairs_per_prompt is None else min(every, judge.pairs_per_prompt)


def as_json(found: list[StageEstimate]) -> dict[str, Any]:
    """The estimate with its totals, for `--json`."""
    totals = ("calls", "cached", "input_tokens", "output_tokens", "cost_usd", "seconds")
    return {
        "stages": [asdict(one) for one in found],
        "total": {name: sum(getattr(one, name) for one in found) for name in totals},
    }
