"""What the JSON of a successful answer holds: of use or not, and as a reply."""

from __future__ import annotations

import math
from typing import Any

from prefline.config import Prices
from prefline.llm.outcome import Reply
from prefline.llm.request import EmbeddingRequest, Request
from prefline.llm.usage import cost_usd, usage_of


def flaw_of(asked: type[Request], content: dict[str, Any]) -> str | None:
    """Why an answer to that kind of request is of no use, in one word; None if it is of use.

    Raises `AttributeError`, `KeyError`, `TypeError`, `IndexError` or `ValueError` where it has
    another shape altogether.
    """
    return (_embedding_flaw if asked is EmbeddingRequest else _completion_flaw)(content)


def _completion_flaw(content: dict[str, Any]) -> str | None:
    """Why a completion's first choice is of no use, in one word."""
    choices = content.get("choices")
    if not choices:
        return "no_choices"
    _top_logprobs(choices[0])  # raises where they have another shape
    message = choices[0].get("message") or {}
    text, refusal = message.get("content"), message.get("refusal")
    if text is None and not refusal:
        return "null_content"
    return None if isinstance(text or refusal, str) or text == "" else "not_a_completion"


def _embedding_flaw(content: dict[str, Any]) -> str | None:
    """Why an embedding is of no use, in one word."""
    data = content.get("data")
    if not data:
        return "no_embedding"
    vector = [float(value) for value in data[0]["embedding"]]
    # All zeros is what some servers send for a text that they could not read.
    return None if any(vector) and all(map(math.isfinite, vector)) else "not_an_embedding"


def parse_reply(
    request: Request, prices: Prices, content: dict[str, Any], *, cached: bool, batch: bool = False
) -> Reply:
    """The JSON of a stored or fresh body, which `classify` accepted, as a `Reply`.

    A refusal that the vendor marks as such has `finish_reason` "refusal".
    """
    usage = usage_of(content)
    if isinstance(request, EmbeddingRequest):
        vector = tuple(float(value) for value in content["data"][0]["embedding"])
        cost = cost_usd(prices, usage, batch=batch)
        return Reply(request, "", "stop", (), usage, cost, cached, vector)
    choice = content["choices"][0]
    message = choice["message"]
    refusal = message.get("refusal")
    return Reply(
        request=request,
        text=message.get("content") or refusal or "",
        finish_reason="refusal" if refusal else (choice.get("finish_reason") or "unknown"),
        top_logprobs=_top_logprobs(choice),
        usage=usage,
        cost_usd=cost_usd(prices, usage, batch=batch),
        cached=cached,
    )


def _top_logprobs(choice: dict[str, Any]) -> tuple[tuple[tuple[str, float], ...], ...]:
    if not choice.get("logprobs"):
        return ()
    tokens = choice["logprobs"].get("content") or []
    return tuple(
        tuple(found for top in token.get("top_logprobs") or () if (found := _candidate(top)))
        for token in tokens
    )


def _candidate(top: dict[str, Any]) -> tuple[str, float] | None:
    """A token with its log-probability; None for what is neither, as of no use to anybody. Some
    servers round a certainty to a little above 0."""
    token, logprob = top.get("token"), top.get("logprob")
    if not isinstance(token, str) or isinstance(logprob, bool):
        return None
    if not isinstance(logprob, int | float) or not math.isfinite(logprob):
        return None
    return token, min(float(logprob), 0.0)
