"""The faults that can be planted, which request meets one, and how a fault spoils a reply.

A fault is drawn per body and per attempt, so that a retry of the same request can succeed,
and a whole run with its faults can be repeated.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from prefline.simulator.truth import key_of, uniforms


def _error(message: str, code: str | int, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": str(code), "code": code, **more}}


STATUS_FAULTS = {
    "400": "the request is malformed",
    "402": "the account has no credit",
    "403": "the key may not use this model",
    "408": "the request took too long to arrive",
    "409": "the request conflicts with another",
    "413": "the request is too large",
    "422": "the request cannot be processed",
    "424": "what the server depends on failed",
    "429": "too many requests",
    "498": "no capacity for flexible calls",
    "500": "the server failed",
    "502": "the server's upstream failed",
    "503": "the server is overloaded",
    "504": "the server's upstream timed out",
    "529": "the server is overloaded",
}
WIRE_FAULTS = {
    "reset": "the connection is reset before a byte of the answer",
    "disconnect": "the connection is closed before a byte of the answer",
    "cut_off": "the connection is closed halfway through the body",
    "hang": "the request is taken and never answered",
    "huge_body": "status 200 with an endless-looking body of `huge_body_bytes`",
}
BODY_FAULTS = {
    "html200": "an HTML error page with status 200",
    "invalid_json": "plain text with status 200",
    "truncated_json": "half of the JSON with status 200 and a matching Content-Length",
    "empty_choices": "`choices` is an empty list",
    "null_content": "`content` is null although `finish_reason` is `stop`",
    "refusal": "`content` is null and `refusal` holds the reason",
    "length": "half of the text, `finish_reason` is `length`",
    "content_filter": "half of the text, `finish_reason` is `content_filter`",
}
ODD_REPLIES = {
    "finish_error": "half of the text, `finish_reason` is `error`",
    "MAX_TOKENS": "half of the text, `finish_reason` is `MAX_TOKENS`, as Gemini has it",
    "SAFETY": "half of the text, `finish_reason` is `SAFETY`, as Gemini has it",
    "unknown_finish": "the whole text, `finish_reason` is a word of the server's own",
    "odd_finish": "the whole text, `finish_reason` is an object",
    "reasoning_only": "`content` is null, `finish_reason` is `length`: all tokens were reasoning",
    "tool_calls": "`content` is null, `tool_calls` holds a call",
    "parts": "`content` is a list of parts",
    "surrogate": "half a surrogate pair at the end of the text",
    "infinity": "`-Infinity` and `NaN`, which are no JSON, beside the choices",
    "odd_usage": "`usage` has 10^19 tokens",
    "odd_logprobs": "log-probabilities of another shape",
    "keep_alive": "comments and blank lines before the JSON",
}
ERROR_REPLIES: dict[str, tuple[int, dict[str, Any] | str]] = {
    "403_moderation": (403, _error("Your input was flagged by moderation: violence", 403)),
    "403_outage": (403, _error("Moderation is temporarily unavailable. Try again later.", 403)),
    "403_firewall": (403, "<html><head><title>Forbidden</title></head><body>Blocked</body></html>"),
    "429_budget": (
        429,
        _error("Budget has been exceeded! Current cost: 5.1, Max budget: 5.0", "budget_exceeded"),
    ),
    "429_quota": (
        429,
        _error("You exceeded your current quota, please check your plan.", "insufficient_quota"),
    ),
    "400_filter": (
        400,
        _error(
            "The response was filtered due to the prompt triggering Azure OpenAI's content "
            "management policy.",
            "content_filter",
            innererror={"code": "ResponsibleAIPolicyViolation"},
        ),
    ),
    "error200": (200, _error("Provider returned error", 502)),
    "rate200": (200, _error("Rate limit exceeded", 429)),
}
"""Errors of providers in their own shapes: the status that is sent, and the body."""
_ERROR_WORDS = {
    "403_moderation": "status 403 of a moderation, as OpenRouter has it",
    "403_outage": "status 403 while the moderation itself is down",
    "403_firewall": "status 403 with a firewall's page",
    "429_budget": "status 429 of a budget that is used up, as LiteLLM has it",
    "429_quota": "status 429 of a quota that is used up, as OpenAI has it",
    "400_filter": "status 400 of Azure's content filter",
    "error200": "status 200 with an error of status 502 in the body",
    "rate200": "status 200 with an error of status 429 in the body",
}
FAULTS = STATUS_FAULTS | WIRE_FAULTS | BODY_FAULTS | ODD_REPLIES | _ERROR_WORDS
# Their replies are complete and billed, however little they are worth.
COMPLETE_REPLIES = frozenset(
    {"refusal", "length", "content_filter"} | (ODD_REPLIES.keys() - {"finish_error"})
)
KEEP_ALIVE = b": PROCESSING\n\n: PROCESSING\n\n   \n"


class FaultPlan:
    """Draws faults at their rates."""

    def __init__(
        self, rates: Mapping[str, float], seed: int, lasting: Mapping[str, float] | None = None
    ) -> None:
        self._names = tuple(rates)
        self._edges = tuple(accumulate(rates.values()))
        self._seed = seed.to_bytes(8, "big", signed=True)
        self._lasting = FaultPlan(lasting, seed + 1) if lasting else None

    def draw(self, body: int, attempt: int) -> str | None:
        """Return the fault of the `attempt`-th request (from 0) with a body, or None; one that
        lasts is that of every attempt."""
        if self._lasting is not None and (fault := self._lasting.draw(body, 0)) is not None:
            return fault
        if not self._names:
            return None
        key = key_of(b"fault", self._seed, body.to_bytes(8, "big"))
        chance = uniforms(key, "fault", attempt)[0]
        for name, edge in zip(self._names, self._edges, strict=True):
            if chance < edge:
                return name
        return None


def check_faults(rates: Mapping[str, float]) -> None:
    """Raise `ValueError` for an unknown fault, or rates that do not fit into 1."""
    for name, rate in rates.items():
        if name not in FAULTS:
            close = difflib.get_close_matches(name, FAULTS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(FAULTS)}"
            raise ValueError(f"unknown fault {name!r}{hint}")
        if not 0 <= rate <= 1:
            raise ValueError(f"rate of fault {name!r} is {rate}, not between 0 and 1")
    if sum(rates.values()) > 1 + 1e-9:
        raise ValueError(f"the rates of all faults add up to {sum(rates.values()):g}, above 1")


def spoil(name: str, reply: dict[str, Any]) -> dict[str, Any]:
    """Plant a fault in a chat completion."""
    if name == "empty_choices":
        return {**reply, "choices": []}
    if name == "odd_usage":
        return {**reply, "usage": {**reply["usage"], "prompt_tokens": 10**19}}
    if name == "reasoning_only":
        tokens = reply["usage"]["completion_tokens"]
        usage = {**reply["usage"], "completion_tokens_details": {"reasoning_tokens": tokens}}
        reply = {**reply, "usage": usage}
    return {**reply, "choices": [_spoil_choice(name, choice) for choice in reply["choices"]]}


def raw_reply(name: str | None, encoded: bytes) -> bytes:
    """Return what is sent for an encoded completion: what no encoder of JSON would write."""
    if name == "surrogate":
        return encoded.replace(_MARK, rb"\ud83d")
    if name == "infinity":
        return b'{"score":-Infinity,"perplexity":NaN,' + encoded[1:]
    if name == "odd_usage":
        return encoded.replace(b"1e19", b"1" + 19 * b"0")
    return KEEP_ALIVE + encoded if name == "keep_alive" else encoded


_MARK = b"<half a pair>"
_TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
_FINISH_REASONS: dict[str, Any] = {
    "finish_error": "error", "unknown_finish": "flux", "odd_finish": {"type": "stop"},
    "null_content": "stop", "refusal": "stop", "reasoning_only": "length",
    "tool_calls": "tool_calls", "length": "length", "content_filter": "content_filter",
    "MAX_TOKENS": "MAX_TOKENS", "SAFETY": "SAFETY",
}  # fmt: skip
_HALVES = {"length", "content_filter", "MAX_TOKENS", "SAFETY", "finish_error"}


def _spoil_choice(name: str, choice: dict[str, Any]) -> dict[str, Any]:
    message, text = dict(choice["message"]), choice["message"]["content"]
    if name in ("null_content", "refusal", "reasoning_only", "tool_calls"):
        message["content"] = None
    if name in _HALVES:
        message["content"] = text[: len(text) // 2]
    if name == "refusal":
        message["refusal"] = "I'm sorry, I can't help with that."
    elif name == "reasoning_only":
        message["reasoning_content"] = "Let me think about this for a long while."
    elif name == "tool_calls":
        message["tool_calls"] = [_TOOL_CALL]
    elif name == "parts":
        half = len(text) // 2
        message["content"] = [{"type": "text", "text": part} for part in (text[:half], text[half:])]
    elif name == "surrogate":
        message["content"] = text + _MARK.decode()
    reason = _FINISH_REASONS.get(name, choice["finish_reason"])
    spoilt = {**choice, "message": message, "finish_reason": reason}
    if name == "odd_logprobs":
        spoilt["logprobs"] = {"tokens": ["A"], "top_logprobs": [{"A": -0.1}]}
    return spoilt
