"""What comes of a request: a reply or a failure, both values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from prefline.llm.request import Request
from prefline.llm.usage import Usage

_KEY = "request_key"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered.

    `top_logprobs` holds, for each answer token, its candidates as (token, log-probability).
    `cost_usd` is the price of the call, whenever it was paid; `cached` says that it was
    paid by an earlier run. `vector` is what an `EmbeddingRequest` asks for; it has no text.
    """

    request: Request
    text: str
    finish_reason: str
    top_logprobs: tuple[tuple[tuple[str, float], ...], ...]
    usage: Usage
    cost_usd: float
    cached: bool
    vector: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that got no reply: `reason` is one word, `detail` what exactly happened."""

    request: Request
    reason: str
    detail: str


Outcome = Reply | Failure


def bill(reply: Reply) -> dict[str, Any]:
    """What every row that came of a call says of it, by column."""
    return {
        "input_tokens": reply.usage.input_tokens,
        "output_tokens": reply.usage.output_tokens,
        "cached_tokens": reply.usage.cached_tokens,
        "reasoning_tokens": reply.usage.reasoning_tokens,
        "cost_usd": reply.cost_usd,
        _KEY: reply.request.key,
    }


def bills(replies: Sequence[Reply], charged: int | None = None) -> dict[str, Any]:
    """What a row says that several calls are behind, by column: the keys of all of them, and the
    sums of the first `charged` (all, if None), so that a call behind several rows is charged
    once. Without a call, nothing."""
    if not replies:
        return {}
    if len(replies) == 1 and charged is None:
        return bill(replies[0])
    parts = [bill(reply) for reply in replies]
    paid = parts[:charged]
    sums = {column: sum(part[column] for part in paid) for column in parts[0] if column != _KEY}
    return sums | {_KEY: " ".join(part[_KEY] for part in parts)}


def readdress(outcome: Outcome, request: Request) -> Outcome:
    """The same outcome for the twin of a request, which may carry another tag."""
    if isinstance(outcome, Failure):
        return replace(outcome, request=request)
    return replace(outcome, request=request, cached=True)
