"""Arrow columns as the type checker should see them, and the faults of lists of messages.

What is wrong with a list of messages becomes a plain column that is null where nothing is. Arrow
finds the rows that need a look, batch by batch; Python words the fault of those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute

from prefline.tables.messages import ROLES, message_from_row, text_of, uses_tools
from prefline.tables.schemas import has_turns

Chunk: TypeAlias = "pa.Array[Any]"
"""A column of a batch."""

Messages = Sequence[Mapping[str, Any]]

# Untyped on purpose: the stubs give many of its functions a scalar's type whatever goes in.
pc: Any = pyarrow.compute


def conversation_fault(messages: Messages | None) -> str | None:
    """Return what is wrong with a conversation to answer, or None."""
    if not messages:
        return "no message"
    for number, message in enumerate(messages, start=1):
        if message is None or message["role"] not in ROLES:
            role = None if message is None else message["role"]
            return f"message {number} has role {role!r}"
        calls = message.get("tool_calls")
        if calls is not None and (fault := _calls_fault(calls)) is not None:
            return f"message {number} {fault}"
        # A turn may only call, and a tool may have nothing to tell.
        is_silent = calls is not None or message["role"] == "tool"
        if not is_silent and not (message["content"] or "").strip():
            return f"message {number} has no text"
    return None


def _calls_fault(calls: str) -> str | None:
    """Return what is wrong with calls of tools as JSON, or None."""
    try:
        content = orjson.loads(calls)
    except orjson.JSONDecodeError:
        return "has calls that are no JSON"
    if not isinstance(content, list) or not content:
        return "has calls that are no list"
    for call in content:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not {"name", "arguments"} <= function.keys():
            return "has a call without name and arguments"
    return None


def answer_fault(messages: Messages | None) -> str | None:
    """Return what is wrong with an answer, or None: it is one message of the assistant, or several
    with what tools told it between them."""
    if messages and all(messages) and uses_tools(messages):
        roles = [message["role"] for message in messages]
        if {*roles} <= {"assistant", "tool"} and roles[0] == roles[-1] == "assistant":
            return conversation_fault(messages)
        return f"the turns have roles {', '.join(map(repr, roles))}"
    if not messages or len(messages) > 1:
        return f"{len(messages or ())} messages instead of one"
    message = messages[0]
    if message is not None and message["role"] in ROLES and message["role"] != "assistant":
        return f"the message has role {message['role']!r}"
    return conversation_fault(messages)


def conversation_faults(lists: Chunk) -> Chunk:
    """`conversation_fault` of each row, as text."""
    return _faults(lists, _unlike(lists, ROLES), conversation_fault)


def answer_faults(lists: Chunk) -> Chunk:
    """`answer_fault` of each row, as text."""
    several = pc.greater(pc.list_value_length(lists), 1)
    suspects = pc.or_(_unlike(lists, ("assistant",)), pc.fill_null(several, False))
    return _faults(lists, suspects, answer_fault)


def answer_texts(lists: Chunk) -> Chunk:
    """Return the text of each row's answer: of its only message, or of all turns where tools are
    called; null for what is no answer."""
    single = _is_true(pc.equal(pc.list_value_length(lists), 1))
    if not has_turns(pa.schema([pa.field("answer", lists.type)])):
        texts = pc.struct_field(pc.list_flatten(lists.filter(single)), "content")
        return _put(texts, single)
    return pa.array([_answer_text(one) for one in lists.to_pylist()], pa.string())


def _answer_text(messages: Messages | None) -> str | None:
    if not messages or answer_fault(messages) is not None:
        return None
    return text_of([message_from_row(message) for message in messages])


def _unlike(lists: Chunk, roles: Sequence[str]) -> Chunk:
    """Return whether a list is empty or has a message of another role or without text."""
    messages, owners = pc.list_flatten(lists), pc.list_parent_indices(lists)
    known = pc.is_in(pc.struct_field(messages, "role"), value_set=pa.array(roles))
    text = pc.utf8_trim_whitespace(pc.struct_field(messages, "content"))
    fine = pc.and_(known, _is_true(pc.not_equal(text, "")))
    suspects = pc.unique(owners.filter(pc.invert(fine)))
    rows = pa.array(range(len(lists)), owners.type)
    empty = pc.invert(_is_true(pc.greater(pc.list_value_length(lists), 0)))
    unlike: Chunk = pc.or_(empty, pc.is_in(rows, value_set=suspects))
    return unlike


def _faults(lists: Chunk, suspects: Chunk, fault: Callable[[Messages | None], str | None]) -> Chunk:
    worded = pa.array([fault(one) for one in lists.filter(suspects).to_pylist()], pa.string())
    return _put(worded, suspects)


def _put(texts: Chunk, mask: Chunk) -> Chunk:
    """Return the texts where the mask is true, in their order, and null elsewhere."""
    column: Chunk = pc.replace_with_mask(pa.nulls(len(mask), pa.string()), mask, texts)
    return column


def _is_true(mask: Chunk) -> Chunk:
    filled: Chunk = pc.fill_null(mask, False)
    return filled
