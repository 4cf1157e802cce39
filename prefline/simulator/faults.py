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

STATUS_FAULTS = {
    "400": "the request is malformed",
    "402": "the account has no credit",
    "403": "the key may not use this model",
    "408": "the request took too long to arrive",
    "409": "the request conflicts with another",
    "413": "the request is too large",
    "422": "the request cannot be processed",
    "429": "too many requests",
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
FAULTS = STATUS_FAULTS | WIRE_FAULTS | BODY_FAULTS
# Their replies are complete and billed, however little they are worth.
COMPLETE_REPLIES = frozenset({"refusal", "length", "content_filter"})


class FaultPlan:
    """Draws faults at their rates."""

    def __init__(self, rates: Mapping[str, float], seed: int) -> None:
        self._names = tuple(rates)
        self._edges = tuple(accumulate(rates.values()))
        self._seed = seed.to_bytes(8, "big", signed=True)

    def draw(self, body: int, attempt: int) -> str | None:
        """Return the fault of the `attempt`-th request (from 0) with a body, or None."""
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
    """Plant a fault in the choices of a chat completion."""
    if name == "empty_choices":
        return {**reply, "choices": []}
    return {**reply, "choices": [_spoil_choice(name, choice) for choice in reply["choices"]]}


def _spoil_choice(name: str, choice: dict[str, Any]) -> dict[str, Any]:
    message = choice["message"]
    if name in ("null_content", "refusal"):
        refusal = "I'm sorry, I can't help with that." if name == "refusal" else None
        message = {**message, "content": None, "refusal": refusal}
        return {**choice, "message": message, "finish_reason": "stop"}
    half = message["content"][: len(message["content"]) // 2]
    return {**choice, "message": {**message, "content": half}, "finish_reason": name}
