"""`prefline doctor --call`: a tiny call to each endpoint, as the stage that asks it would send it.

What an endpoint refuses is turned into the line of params.yaml with which it takes the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from prefline.cli.doctor import Finding
from prefline.config import ComparingJudge, Endpoint, EndpointJudge, Params
from prefline.config.learning import TRAINERS
from prefline.errors import PreflineError
from prefline.llm import EmbeddingRequest, Reply, Request, Sampling
from prefline.llm.parsing import Accepted, Answer, Refused, Retry, Stop, classify, reply_of
from prefline.llm.refusals import find_changes, refused_error
from prefline.llm.request import REWARD_REQUESTS
from prefline.llm.transport import Transport, unreachable_error
from prefline.llm.wire import Wire
from prefline.tables.messages import Message

_TIMEOUT_S = 60.0
_TRIES, _WAIT_S = 3, 1.0
_TOP_LOGPROBS = 10  # as judges ask for
_TEXT_TOKENS = 64
_LETTER = "Which letter comes first in the alphabet, A or B? Reply with that letter alone."
_WORD = "Reply with the word OK."


@dataclass(frozen=True, slots=True)
class TinyCall:
    """A call of a few words to an endpoint; `stage` asks it in this way, and `limit` names the
    param that bounds its reply."""

    endpoint: Endpoint
    stage: str
    request: Request
    limit: str = "max_tokens"


def tiny_calls(params: Params) -> Iterator[TinyCall]:
    """Yield a call for each endpoint and way in which a run asks it; none to local models."""
    seen = set[tuple[str, str]]()
    for call in _all_calls(params):
        kind = call.endpoint.model, call.stage
        if not call.endpoint.is_local and kind not in seen:
            seen.add(kind)
            yield call


def _all_calls(params: Params) -> Iterator[TinyCall]:
    diversity = params.sample.mix.diversity
    for endpoint in params.sample.endpoints:
        if diversity is not None and endpoint == diversity.endpoint:
            yield TinyCall(endpoint, "sample", EmbeddingRequest(endpoint.model, "OK"))
        else:
            yield TinyCall(endpoint, "sample", _chat(endpoint, _WORD, _greedy(_TEXT_TOKENS)))
    for endpoint in params.generate.endpoints:
        section = params.generate
        sampling = Sampling(section.temperature, section.top_p, section.max_tokens, 0)
        system = section.system_prompt and "Be brief."
        yield TinyCall(endpoint, "generate", _chat(endpoint, _WORD, sampling, system=system))
    for judge in params.judge.judges:
        if isinstance(judge, ComparingJudge):
            request = _chat(judge.endpoint, _LETTER, _greedy(judge.letter_tokens), _TOP_LOGPROBS)
            yield TinyCall(judge.endpoint, "judge", request, "letter_tokens")
        elif isinstance(judge, EndpointJudge) and judge.method == "served_reward":
            yield TinyCall(judge.endpoint, "judge", _reward_call(judge))
        elif isinstance(judge, EndpointJudge) and judge.method != "reward_model":
            for endpoint in judge.endpoints:
                request = _chat(endpoint, _WORD, _greedy(_TEXT_TOKENS))
                yield TinyCall(endpoint, "judge", request)
    for endpoint in TRAINERS.get(params.train.method).endpoints(params.train):
        yield TinyCall(endpoint, "train", EmbeddingRequest(endpoint.model, "OK"))
    policy = params.evaluate.policy
    sampling = _greedy(policy.max_tokens)
    yield TinyCall(policy.endpoint, "evaluate", _chat(policy.endpoint, _WORD, sampling))


def _reward_call(judge: Any) -> Request:
    """Return the call of a judge of the method `served_reward`, which `tasks` declares."""
    turns = (Message(role="user", content=_WORD), Message(role="assistant", content="OK"))
    text = None if judge.chat_template is None else _WORD
    return REWARD_REQUESTS[judge.api](judge.endpoint.model, turns, text)


def _chat(
    endpoint: Endpoint,
    text: str,
    sampling: Sampling,
    top_logprobs: int = 0,
    *,
    system: str | None = None,
) -> Request:
    messages = [Message(role="user", content=text)]
    if system:
        messages.insert(0, Message(role="system", content=system))
    return Request(endpoint.model, tuple(messages), sampling, top_logprobs=top_logprobs)


def _greedy(max_tokens: int) -> Sampling:
    return Sampling(temperature=0.0, top_p=1.0, max_tokens=max_tokens, seed=0)


def check_calls(params: Params) -> list[Finding]:
    """Make the tiny calls, and return what they find."""

    async def check_all() -> list[Finding]:
        with closing(Transport(_TIMEOUT_S)) as transport:
            return list(
                await asyncio.gather(*(_check(transport, call) for call in tiny_calls(params)))
            )

    return asyncio.run(check_all())


async def _check(transport: Transport, call: TinyCall) -> Finding:
    check, endpoint = f"call of {call.stage} to {call.endpoint.model}", call.endpoint

    async def ask(wire: Wire) -> Answer:
        return await _ask(transport, wire, call.request)

    try:
        answer = await ask(Wire(endpoint))
        if isinstance(answer, Refused):
            if answer.suspect is not None:
                raise answer.suspect
            changes, last = await find_changes(ask, Wire(endpoint), call.request, answer)
            raise refused_error(endpoint, answer, changes, last)
    except PreflineError as error:
        return Finding(check, False, error.problem, error.remedy)
    if isinstance(answer, Stop):
        return Finding(check, False, answer.error.problem, answer.error.remedy)
    if isinstance(answer, Retry):
        broken = unreachable_error(endpoint, f"{answer.reason}: {answer.detail}")
        return Finding(check, False, broken.problem, broken.remedy)
    assert isinstance(answer, Accepted)
    reply = reply_of(call.request, endpoint.prices, answer, cached=False)
    return _finding_of(check, call, reply)


async def _ask(transport: Transport, wire: Wire, request: Request) -> Answer:
    """Send a request; what may pass is tried a few times."""
    answer: Answer | None = None
    for tries in range(_TRIES):
        if tries:
            await asyncio.sleep(_WAIT_S)
        response = await transport.complete(wire, wire.endpoint.base_url, request)
        if isinstance(response, Retry):
            answer = response
            continue
        answer = classify(
            wire.endpoint, response.status, response.headers, response.body, type(request)
        )
        if not isinstance(answer, Retry):
            break
    assert answer is not None
    return answer


def _finding_of(check: str, call: TinyCall, reply: Reply) -> Finding:
    """Return what a reply says of an endpoint."""
    if isinstance(call.request, EmbeddingRequest):
        return Finding(check, ok=True, detail=f"an embedding of {len(reply.vector):,} numbers")
    if not reply.text:
        limit = call.request.sampling.max_tokens
        return Finding(
            check,
            False,
            f"its reply is empty ({reply.finish_reason}; {reply.usage.output_tokens:,} tokens)",
            f"raise {call.limit} (now {limit:,}), which reasoning takes from too, or have less of "
            "it: request: {extra: {reasoning_effort: low}} of the endpoint, in params.yaml",
        )
    notes = [f"{reply.text.strip()[:40]!r}, {reply.finish_reason}"]
    if reply.reasoning or reply.reasoning_tokens:
        notes.append("with reasoning, which is kept apart")
    if call.request.top_logprobs and not reply.top_logprobs:
        notes.append("without log-probabilities: its verdicts have no probability of their own")
    return Finding(check, ok=True, detail="; ".join(notes))
