"""Show on a few pairs what a judge is sent and what is read from its reply: `prefline judge-try`.

The calls are those that the stage `judge` would make of these pairs, through the same reply store:
what is bought here is not bought again there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from prefline.config import JudgeParams, ModelJudge, read_params
from prefline.errors import ParamsError
from prefline.ids import content_hash
from prefline.llm import Outcome, Reply, Request, open_engine
from prefline.project import Project
from prefline.tables import read_table
from prefline.tables.prompts import read_prompts
from tasks.judge.comparisons import Comparison
from tasks.judge.jobs import JudgeJob, plan_comparisons, read_context
from tasks.judge.methods import method_of
from tasks.judge.pairs import select_pairs
from tasks.judge.results import JudgeResult, JudgeTask, Judgment, judgment_row

_SIDES = ("first", "second", "tie", "invalid")
_SHOWN = ("first_id", "second_id", "principle", "verdict", "p_first", "rationale", "reasoning",
          "invalid_reason", *(f"votes_{side}" for side in _SIDES))  # fmt: skip


@dataclass(slots=True)
class _Call:
    """A call, with its outcome."""

    request: Request
    outcome: Outcome


def try_judge(project: Project, name: str | None, n_pairs: int) -> dict[str, Any]:
    """Ask a judge about `n_pairs` pairs, drawn by hash, and return what was sent and read.

    `name` may be left out where params have one model judge only. Raises `ParamsError` for a name
    that is no model judge's, `TableError` without responses, and what judging raises.
    """
    params = read_params(project.params)
    judge = _model_judge(params.judge, name)
    prompts = read_prompts(project.table("prompts"))
    responses = read_table(project.table("responses")).to_pylist()
    context = read_context(judge, params.judge, project.root, responses)
    pairs = select_pairs(prompts, responses, params.judge).comparisons
    plan = list(plan_comparisons(pairs, judge, context))
    drawn = _draw(plan, n_pairs)
    job = JudgeJob(judge, context, _as_asked(judge, plan, drawn))
    if not job.plan:
        raise ParamsError(
            f"there is no pair that judge {judge.name} could be asked about",
            "`prefline report` says why pairs were rejected; `reference` needs prompts with one",
        )
    calls: list[_Call] = []
    # Nobody waits a day for five pairs.
    live = [endpoint.model_copy(update={"mode": "live"}) for endpoint in judge.endpoints]
    with open_engine(project, live, params.engine, local_slots=1) as engine:
        results = list(
            job.collect(lambda tasks: engine.converse(_recorded(task, calls) for task in tasks))
        )
    return _document(job, calls, [item for result in results for item in result], drawn)


def _model_judge(section: JudgeParams, name: str | None) -> ModelJudge:
    judges = {judge.name: judge for judge in section.judges if isinstance(judge, ModelJudge)}
    known = ", ".join(judges) or "none"
    if name is None and len(judges) != 1:
        raise ParamsError(
            f"params have {len(judges)} judges that are language models", f"name one of: {known}"
        )
    judge = judges.get(name) if name is not None else next(iter(judges.values()))
    if judge is None:
        raise ParamsError(
            f"judge.judges has no language model of the name {name!r}", f"its names: {known}"
        )
    return judge


def _draw(plan: Iterable[Comparison], n_pairs: int) -> frozenset[str]:
    """Return the ids of pairs of a plan, drawn by hash."""
    ids = {comparison.pair_id for comparison in plan}
    return frozenset(sorted(ids, key=lambda pair: content_hash(["try", pair]))[:n_pairs])


def _as_asked(
    judge: ModelJudge, plan: Iterable[Comparison], drawn: Collection[str]
) -> list[Comparison]:
    """Return the comparisons of a plan that the stage asks in the same calls as the drawn pairs: a
    ranking shows all answers to a prompt."""
    plan, method = list(plan), method_of(judge)
    if method.one_task_per_order or not method.sees_order:
        return [comparison for comparison in plan if comparison.pair_id in drawn]
    prompts = {each.prompt.prompt_id for each in plan if each.pair_id in drawn}
    return [comparison for comparison in plan if comparison.prompt.prompt_id in prompts]


def _recorded(task: JudgeTask, calls: list[_Call]) -> JudgeTask:
    """Return the same conversation, which notes its calls."""
    try:
        request = next(task)
        while True:
            outcome = yield request
            calls.append(_Call(request, outcome))
            request = task.send(outcome)
    except StopIteration as end:
        result: JudgeResult = end.value
        return result


def _document(
    job: JudgeJob, calls: Iterable[_Call], result: JudgeResult, drawn: Collection[str]
) -> dict[str, Any]:
    # The engine's own request: what an endpoint sends otherwise is in its key.
    by_key = {call.outcome.request.key: call for call in calls}
    shown: list[dict[str, Any]] = []
    for item in result:
        if isinstance(item, Judgment):
            if item.comparison.pair_id not in drawn:
                continue
            row = judgment_row(job.judge, item)
            keys = [reply.request.key for reply in item.replies]
            shown.append(
                {"pair_id": item.comparison.pair_id}
                | {name: row[name] for name in _SHOWN if row.get(name) is not None}
                | {"calls": [_call(by_key[key]) for key in dict.fromkeys(keys)]}
            )
        else:
            shown.append({"rejected": item.reason, "detail": item.detail})
    replies = [call.outcome for call in by_key.values() if isinstance(call.outcome, Reply)]
    return {
        "judge": job.judge.name,
        "method": job.judge.method,
        "prompt": job.context.prompt.path if job.context.prompt else None,
        "judgments": shown,
        "calls": len(by_key),
        "stored_before": sum(reply.cached for reply in replies),
        "cost_usd": sum(reply.cost_usd for reply in replies if not reply.cached),
    }


def _call(call: _Call) -> dict[str, Any]:
    request, outcome = call.request, call.outcome
    sent = {"messages": list(request.messages), "max_tokens": request.sampling.max_tokens,
            "temperature": request.sampling.temperature, "sample_index": request.sample_index,
            "response_format": request.response_format}  # fmt: skip
    if not isinstance(outcome, Reply):
        return sent | {"failed": outcome.reason, "detail": outcome.detail}
    return sent | {
        "text": outcome.text,
        "reasoning": outcome.reasoning,
        "finish_reason": outcome.finish_reason,
        "request_key": outcome.request.key,
        "stored_before": outcome.cached,
        "cost_usd": outcome.cost_usd,
    }


def as_text(document: dict[str, Any]) -> Iterator[str]:
    """Yield the lines for a person; a message that was shown before is not shown again."""
    known: set[str] = set()
    for number, judgment in enumerate(document["judgments"], 1):
        yield f"=== {number}. {_heading(judgment)}"
        for call in judgment.get("calls", ()):
            for message in call["messages"]:
                if message["content"] not in known:
                    known.add(message["content"])
                    yield f"--- {message['role']}"
                    yield message["content"]
            if call.get("reasoning"):
                yield "--- reasoning"
                yield call["reasoning"]
            yield f"--- reply ({_how(call)})"
            yield call.get("text", "")
        yield f"=> {_verdict(judgment)}"
        yield ""
    yield (
        f"{document['calls']} calls of judge {document['judge']} ({document['method']}), "
        f"{document['stored_before']} of them stored before, ${document['cost_usd']:.6f}"
    )


def _heading(judgment: dict[str, Any]) -> str:
    if "rejected" in judgment:
        return "a call failed"
    sides = f"A is {judgment['first_id']}, B is {judgment['second_id']}"
    return f"pair {judgment['pair_id']}: {sides}"


def _how(call: dict[str, Any]) -> str:
    if "failed" in call:
        return f"failed, {call['failed']}: {call['detail']}"
    stored = ", stored before" if call["stored_before"] else ""
    return f"{call['finish_reason']}, ${call['cost_usd']:.6f}{stored}"


def _verdict(judgment: dict[str, Any]) -> str:
    if "rejected" in judgment:
        return f"rejected, {judgment['rejected']}: {judgment['detail']}"
    words = [judgment["verdict"]]
    if "invalid_reason" in judgment:
        words.append(judgment["invalid_reason"])
    if "p_first" in judgment:
        words.append(f"p_first {judgment['p_first']:.3f}")
    if "votes_first" in judgment:
        counts = (judgment[f"votes_{side}"] for side in _SIDES)
        words.append("votes {} first, {} second, {} tie, {} invalid".format(*counts))
    return ", ".join(words)
