"""What becomes of one line of a batch: the line that is written for it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from prefline.simulator.answers import Answers
from prefline.simulator.batch.lines import Line, kept
from prefline.simulator.draws import key_of, uniforms
from prefline.simulator.wire import Refusal

SERVER_ERROR = "batch_500"
TIMEOUT = "batch_timeout"
_MESSAGES = {
    "request_timeout": "Simulated fault: the underlying call to the model timed out.",
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request was not executed because the batch was cancelled.",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A line's result: its number in the input, its JSON, and what it would be billed.

    `usage` is None where it failed. `status` is 0 where the model never answered.
    """

    number: int
    text: bytes
    model: str
    status: int
    fault: str | None
    usage: dict[str, Any] | None


def line_fault(share: float, seed: int, body: int, attempt: int) -> str | None:
    """How the `attempt`-th sight of a body fails: with status 500, or a timeout; or not."""
    if share == 0:
        return None
    key = key_of(b"batch line", seed.to_bytes(8, "big", signed=True), body.to_bytes(8, "big"))
    chance, which, _, _ = uniforms(key, "fault", attempt)
    kind = SERVER_ERROR if which < 0.5 else TIMEOUT  # noqa: PLR2004
    return kind if chance < share else None


def answered(line: Line, batch_id: str, answers: Answers, fault: str | None) -> Outcome:
    """The outcome of a line whose turn has come."""
    chat = answers.parse(line.body)
    name = _name(line, batch_id)
    model = "" if isinstance(chat, Refusal) else chat.model
    if isinstance(chat, Refusal):
        fault, flaw = None, chat
    elif fault == SERVER_ERROR:
        flaw = Refusal(500, "Simulated fault: the server failed.", "server_error")
    elif fault == TIMEOUT:
        return Outcome(line.number, _error(line, name, "request_timeout"), model, 0, fault, None)
    else:
        reply = answers.reply(chat)
        text = _response(line, name, 200, reply)
        return Outcome(line.number, text, model, 200, None, reply["usage"])
    text = _response(line, name, flaw.status, orjson.loads(flaw.body()))
    return Outcome(line.number, text, model, flaw.status, fault, None)


def not_reached(line: Line, batch_id: str, code: str) -> bytes:
    """The line of the error file for a request that the batch's end left undone."""
    return _error(line, _name(line, batch_id), code)


def _name(line: Line, batch_id: str) -> str:
    return key_of(batch_id.encode(), line.number.to_bytes(8, "big")).hex()


def _response(line: Line, name: str, status: int, body: dict[str, Any]) -> bytes:
    response = {"status_code": status, "request_id": f"req_{name}", "body": body}
    return _line(line, name, response, None)


def _error(line: Line, name: str, code: str) -> bytes:
    return _line(line, name, None, {"code": code, "message": _MESSAGES[code]})


def _line(line: Line, name: str, response: Any, error: Any) -> bytes:
    entry = {
        "id": f"batch_req_{name}",
        "custom_id": line.custom_id,
        "response": response,
        "error": error,
    }
    return kept(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))


def scattered(outcomes: list[Outcome], seed: bytes) -> list[Outcome]:
    """In an order that the input does not give away: never its own, if there are two or more."""
    mixed = sorted(outcomes, key=lambda outcome: key_of(seed, outcome.number.to_bytes(8, "big")))
    in_order = all(a.number < b.number for a, b in pairwise(mixed))
    return mixed[::-1] if in_order else mixed
