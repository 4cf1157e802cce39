"""Logged requests of a policy, as conversations to answer.

A line is what was sent to `/chat/completions`, or to Anthropic's `/messages`, as proxies and
clients log it: `messages` at the top, or below `request`, `body` or `request.body`, with or without
what was answered at their end; beside them `tools` and `system`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefline.errors import InputError
from prefline.tables.messages import Message, without_answer
from prefline.tables.turns import read_tools, read_turns, what_is_no_text

_PLACES = ((), ("request",), ("body",), ("request", "body"))


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request to a policy: the messages, and the tools that it was offered, as JSON."""

    messages: tuple[Message, ...]
    tools: str | None = None


@dataclass(frozen=True, slots=True)
class UnusableRequest:
    """A logged request that is no conversation of texts: the reason in one word, and the detail."""

    reason: str
    detail: str


def read_conversation(row: Mapping[str, Any], place: str) -> LoggedRequest | UnusableRequest:
    """Return what the policy was asked: the messages without the answer at their end.

    `UnusableRequest` is a request with images or sound (`not_text`), and one in which nobody asks
    anything (`no_question`): traffic has such, and they stop nothing. Raises `InputError` for a
    line that is no logged request, and for a message or a tool of no known form.
    """
    request = _request(row, place)
    # Some log the answer of a call that says nothing as null.
    turns = [{**turn, "content": turn.get("content") or ""} for turn in request["messages"]]
    if kinds := what_is_no_text(turns):
        return UnusableRequest("not_text", f"{place}: a message has {kinds}")
    if not any(turn.get("role") == "user" for turn in turns):
        return UnusableRequest("no_question", f"{place}: no message has the role user")
    system = _system_text(request.get("system"))
    if system and turns[0].get("role") not in ("system", "developer"):
        turns.insert(0, {"role": "system", "content": system})
    asked = without_answer(read_turns(turns, place))
    return LoggedRequest(asked, read_tools(request.get("tools"), place))


def _request(row: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """Return the part of a line that holds the messages."""
    for path in _PLACES:
        inner: Any = row
        for name in path:
            inner = inner.get(name) if isinstance(inner, Mapping) else None
        turns = inner.get("messages") if isinstance(inner, Mapping) else None
        if (
            isinstance(turns, Sequence)
            and not isinstance(turns, str)
            and all(isinstance(turn, Mapping) for turn in turns)
        ):
            return inner  # type: ignore[no-any-return]
    raise InputError(
        f"{place}: field 'messages' is missing or no list of {{role, content}}",
        "give logged requests of /chat/completions, `messages` at the top or below `request` or "
        "`body`; or say `format: rows` if these are rows of prompts",
    )


def _system_text(system: Any) -> str:
    """Return Anthropic's `system`, a text or parts of one."""
    parts = system if isinstance(system, list) else [{"text": system}]
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping))
