"""Requests that an endpoint refuses for their form: the params that it would take them with."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import yaml

from prefline.config import Endpoint
from prefline.config.dialects import DIALECTS, PARAMETERS, RequestChanges
from prefline.errors import RequestRefused
from prefline.llm.faults import Fault
from prefline.llm.parsing import Answer, Refused
from prefline.llm.request import EmbeddingRequest, Request, RewardRequest
from prefline.llm.wire import Wire

_MOST_ROUNDS = 6  # a server names one parameter at a time
_PLAIN_TEXT = "Reply with the word OK."
_IS_UNKNOWN = re.compile(
    r"unsupported|not support|unrecognized|unknown|not permitted|deprecated|cannot find field|"
    r"unexpected|invalid (field|parameter|argument)|does not (accept|support|allow)|not allowed|"
    r"cannot both|only the default|may only be|must be (set to )?1\b",
    re.IGNORECASE,
)
_NEW_LIMIT = "max_completion_tokens"


def plain_request(request: Request) -> Request:
    """Return a request of the same form that no one can object to for what it says: the same
    params, and as many messages, of a few words."""
    if isinstance(request, EmbeddingRequest):
        return EmbeddingRequest(request.model, "OK")
    if isinstance(request, RewardRequest):
        turns = ({"role": "user", "content": "OK"}, {"role": "assistant", "content": "OK"})
        text = None if request.text is None else "OK"
        return type(request)(request.model, turns, text)  # type: ignore[arg-type]  # TypedDict
    messages = tuple(
        {"role": message["role"], "content": _PLAIN_TEXT} for message in request.messages
    )
    return Request(
        request.model,
        messages,  # type: ignore[arg-type]  # TypedDict
        request.sampling,
        top_logprobs=request.top_logprobs,
        response_format=request.response_format,
    )


async def find_changes(
    ask: Callable[[Wire], Awaitable[Answer]], wire: Wire, request: Request, refused: Refused
) -> tuple[RequestChanges, Answer]:
    """Return the changes with which an endpoint takes a request that it refuses as `wire` writes
    it, as far as its words tell, and its last answer.

    `ask` sends the request as another wire writes it. Refusals are free; if the last answer is
    a reply, that call was paid for.
    """
    answer: Answer = refused
    for _ in range(_MOST_ROUNDS):
        if not isinstance(answer, Refused):
            break
        more = changes_for(answer.fault, wire, request)
        if more is None:
            break
        wire = Wire(wire.endpoint, wire.changes.plus(more))
        answer = await ask(wire)
    return wire.changes, answer


def changes_for(fault: Fault, wire: Wire, request: Request) -> RequestChanges | None:
    """Return the change that a refusal calls for; None if it names nothing that was sent."""
    if not _IS_UNKNOWN.search(fault.message):
        return None
    sent = {wire.changes.rename.get(name, name): name for name in request.body}
    named = [
        name
        for written, name in sent.items()
        if name not in (*wire.changes.omit, "model", "messages", "input")
        and (written == fault.param or re.search(rf"\b{written}\b", fault.message))
    ]
    if "temperature" in named and "top_p" in named:  # they cannot both be given
        return RequestChanges(omit=("top_p",))
    name = next((name for name in named if name != "max_tokens"), None)
    if name in ("logprobs", "top_logprobs"):
        return RequestChanges(omit=("logprobs", "top_logprobs"))
    if name is not None:
        return RequestChanges(omit=(name,))
    if named and _NEW_LIMIT not in wire.changes.rename.values():
        return RequestChanges(rename={"max_tokens": _NEW_LIMIT})
    return None


def _named_extra(endpoint: Endpoint, fault: Fault) -> str | None:
    """Return the key of the endpoint's own `extra` that a refusal names, if it names one and
    nothing that Prefline sends."""
    if any(re.search(rf"\b{name}\b", fault.message) for name in PARAMETERS):
        return None
    names = (re.escape(name) for name in endpoint.request.extra)
    return next(
        (name for name in names if name == fault.param or re.search(rf"\b{name}\b", fault.message)),
        None,
    )


def params_line(endpoint: Endpoint, changes: RequestChanges) -> str:
    """Return the line of `params.yaml` by which an endpoint gets these changes."""
    own = endpoint.spoken.changes
    content = {
        "omit": sorted(set(changes.omit) - set(own.omit)),
        "rename": dict(changes.rename.items() - own.rename.items()),
        "extra": {name: value for name, value in changes.extra.items() if name not in own.extra},
    }
    told = {name: value for name, value in content.items() if value}
    flow = yaml.safe_dump(told, default_flow_style=True, sort_keys=False, width=1_000).strip()
    return f"request: {flow}"


def same_dialect(endpoint: Endpoint, changes: RequestChanges) -> str | None:
    """Return the dialect that makes the same changes; None if there is none, or if the endpoint
    has a dialect or changes of its own."""
    if endpoint.dialect is not None or endpoint.request:
        return None
    for name, dialect in DIALECTS.items():
        theirs = dialect.changes
        if dialect.api == "openai" and dialect.key_header == "Authorization" and theirs:
            same = set(theirs.omit) == set(changes.omit) and theirs.rename == changes.rename
            if same and theirs.extra == changes.extra:
                return name
    return None


def refused_error(
    endpoint: Endpoint, refused: Refused, changes: RequestChanges, last: Answer
) -> RequestRefused:
    """Return the error for an endpoint that refuses whatever is sent to it."""
    own = _named_extra(endpoint, refused.fault)
    if own is not None:
        remedy = (
            f"correct or take out `{own}` in `request: extra` of the endpoint of {endpoint.model} "
            "in params.yaml"
        )
    elif changes == endpoint.changes:
        remedy = (
            f"docs/endpoints.md has params for many providers (`dialect`, and `request` with omit, "
            f"rename and extra); `prefline doctor --call` tries the endpoint of {endpoint.model}"
        )
    else:
        line = params_line(endpoint, changes)
        remedy = f"add to the endpoint of {endpoint.model} in params.yaml:  {line}"
        if (dialect := same_dialect(endpoint, changes)) is not None:
            remedy += f"  (`dialect: {dialect}` says the same)"
        if isinstance(last, Refused):
            remedy += f"  (which is refused too: {last.detail})"
    return RequestRefused(
        f"{endpoint.base_url} refuses every call to {endpoint.model}: {refused.detail}",
        remedy,
        endpoint=endpoint.base_url,
    )
