"""Logged requests of a policy, as conversations to answer.

A line is what was sent to `/chat/completions`, as proxies and clients log it: `messages` at the
top, or below `request`, `body` or `request.body`, with or without what was answered at their end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefline.errors import InputError
from prefline.tables.messages import Message, without_answer

_PLACES = ((), ("request",), ("body",), ("request", "body"))
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_TOOLS = ("tool", "function")


@dataclass(frozen=True, slots=True)
class UnusableRequest:
    """A logged request that is no conversation of texts: the reason in one word, and the detail."""

    reason: str
    detail: str


def read_conversation(row: Mapping[str, Any], place: str) -> tuple[Message, ...] | UnusableRequest:
    """Return what the policy was asked: the messages up to the last that is not the assistant's.

    `Unusable` is a request with images, sound or tools (`not_text`), and one in which nobody asks
    anything (`no_question`): traffic has such, and they stop nothing. Raises `InputError` for a
    line that is no logged request, and for a role that does not exist.
    """
    messages = list[Message]()
    for turn in _messages(row, place):
        text = _text(turn, place)
        if isinstance(text, UnusableRequest):
            return text
        messages.append(Message(role=_role(turn, place), content=text))
    asked = without_answer(messages)
    if not any(message["role"] == "user" for message in asked):
        return UnusableRequest("no_question", f"{place}: no message has the role user")
    return asked


def _messages(row: Mapping[str, Any], place: str) -> Sequence[Mapping[str, Any]]:
    for path in _PLACES:
        inner: Any = row
        for name in path:
            inner = inner.get(name) if isinstance(inner, Mapping) else None
        turns = inner.get("messages") if isinstance(inner, Mapping) else None
        if isinstance(turns, Sequence) and all(isinstance(turn, Mapping) for turn in turns):
            return turns
    raise InputError(
        f"{place}: field 'messages' is missing or no list of {{role, content}}",
        "give logged requests of /chat/completions, `messages` at the top or below `request` or "
        "`body`; or say `format: rows` if these are rows of prompts",
    )


def _role(turn: Mapping[str, Any], place: str) -> str:
    role = _ROLES.get(str(turn.get("role")))
    if role is None:
        raise InputError(
            f"{place}: field 'messages' has the role {turn.get('role')!r}",
            f"there are the roles {', '.join([*_ROLES, *_TOOLS])}",
        )
    return role


def _text(turn: Mapping[str, Any], place: str) -> str | UnusableRequest:
    """Return a message's text; that of parts is joined as the models see it."""
    content = turn.get("content")
    if turn.get("role") in _TOOLS or turn.get("tool_calls") or turn.get("function_call"):
        return UnusableRequest("not_text", f"{place}: tools are called")
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Sequence) else [content]
    kinds = {part.get("type") if isinstance(part, Mapping) else None for part in parts}
    if kinds - {"text"}:
        return UnusableRequest("not_text", f"{place}: a message has {sorted(map(str, kinds))}")
    return "".join(str(part.get("text", "")) for part in parts)
