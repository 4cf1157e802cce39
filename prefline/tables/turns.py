"""Messages and tools as others write them, as ours.

A message may be OpenAI's (`tool_calls`, the roles `tool` and `function`), Anthropic's (parts
`tool_use`, `tool_result` and `thinking`) or ShareGPT's (`from` and `value`); a tool OpenAI's,
Anthropic's, or a bare function. An argument that is null in an object is left out, since Arrow
pads objects with nulls (huggingface/trl#5118); in JSON as text a null stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from prefline.errors import InputError
from prefline.tables.messages import ROLES, Message, ToolCall, uses_tools

_SPEAKERS = {
    "developer": "system", "function": "tool", "observation": "tool", "ipython": "tool",
    "human": "user", "gpt": "assistant", "function_call": "assistant",
    **{role: role for role in ROLES},
}  # fmt: skip
_PLAIN = ("system", "user", "assistant")
_THOUGHTS = ("reasoning", "reasoning_content", "thinking")
_TEXTS = ("text", "input_text", "output_text")


def read_turns(value: Any, place: str, field: str = "messages") -> tuple[Message, ...]:
    """Return the messages of a row's field; in CSV they are JSON as text.

    Reasoning and names are kept where tools are used; elsewhere chat templates take neither.
    Raises `InputError` that names the place and the field.
    """
    try:
        turns = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        turns = None
    if not isinstance(turns, Sequence) or isinstance(turns, str) or not turns:
        raise InputError(
            f"{place}: field '{field}' holds {str(value)[:80]!r}",
            "give a list of {role, content} with at least one message (as JSON in a CSV file)",
        )
    # Most are texts alone, and cost no more than looking at them.
    if None not in (plain := [_plain_message(turn) for turn in turns]):
        return tuple(plain)  # type: ignore[arg-type]
    read = _Reader(place, field, as_text=isinstance(value, str))
    messages = [message for turn in turns for message in read.messages_of(turn)]
    if uses_tools(messages):
        return tuple(messages)
    return tuple(Message(role=turn["role"], content=turn["content"]) for turn in messages)


def _plain_message(turn: Any) -> Message | None:
    """Return a turn that is a text of the system, the user or the assistant, None for another."""
    if not isinstance(turn, Mapping):
        return None
    role, content = turn.get("role"), turn.get("content")
    if role not in _PLAIN or not isinstance(content, str) or turn.get("tool_calls"):
        return None
    return None if turn.get("function_call") else Message(role=role, content=content)


def read_answer(value: Any, place: str, field: str) -> tuple[Message, ...]:
    """Return the turns of an answer: from the assistant's first on, without a person's.

    Raises `InputError` that names the place and the field.
    """
    turns = read_turns(value, place, field)
    roles = [turn["role"] for turn in turns]
    if roles[0] != "assistant" or not {*roles} <= {"assistant", "tool"}:
        raise InputError(
            f"{place}: field '{field}' has the roles {', '.join(roles)}",
            "an answer begins with the assistant's turn, and has turns of the assistant and of "
            "tools alone: put what was asked before into 'messages'",
        )
    return turns


def published_rows(rows: Any) -> list[dict[str, Any]]:
    """Return the rows of an Arrow table, or batch, of a version; messages and tools that it holds
    as JSON are read, as `datasets` does it."""
    as_json = [field.name for field in rows.schema if "arrow.json" in str(field.type)]
    found: list[dict[str, Any]] = rows.to_pylist()
    if as_json:
        for row in found:
            row |= {name: _from_json(row[name]) for name in as_json}
    return found


def _from_json(value: Any) -> Any:
    if isinstance(value, str):
        return orjson.loads(value)
    if isinstance(value, list):
        return [_from_json(one) for one in value]
    if isinstance(value, dict):  # of the format `ranked`, whose messages alone are JSON
        return {
            name: _from_json(one) if isinstance(one, list) else one for name, one in value.items()
        }
    return value


def what_is_no_text(turns: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the kinds of parts that are neither text nor of tools, such as images, in order."""
    parts = [part for turn in turns for part in _all_parts(turn.get("content"))]
    kinds = {str(part.get("type")) if isinstance(part, Mapping) else "None" for part in parts}
    return sorted(kinds - {*_TEXTS, "thinking", "redacted_thinking", "tool_use", "tool_result"})


def read_tools(value: Any, place: str, field: str = "tools") -> str | None:
    """Return definitions of tools as JSON in OpenAI's form; None where there are none.

    Raises `InputError` that names the place and the field.
    """
    tools = value
    if isinstance(value, str):
        try:
            tools = orjson.loads(value) if value.strip() else None
        except orjson.JSONDecodeError:
            raise _not_tools(value, place, field) from None
    if tools is None or tools == []:
        return None
    tools = [tools] if isinstance(tools, Mapping) else tools
    if not isinstance(tools, Sequence) or isinstance(tools, str):
        raise _not_tools(value, place, field)
    as_text = isinstance(value, str)
    return orjson.dumps([_tool(tool, place, field, as_text) for tool in tools]).decode()


def _tool(tool: Any, place: str, field: str, as_text: bool) -> dict[str, Any]:
    if isinstance(tool, str):
        try:
            tool, as_text = orjson.loads(tool), True
        except orjson.JSONDecodeError:
            raise _not_tools(tool, place, field) from None
    function = tool.get("function") or tool if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise _not_tools(tool, place, field)
    function = function if as_text else _without_nulls(function)
    parameters = function.get("parameters") or function.get("input_schema")
    found = {name: function.get(name) for name in ("name", "description", "strict")}
    found["parameters"] = parameters
    return {
        "type": "function",
        "function": {name: one for name, one in found.items() if one is not None},
    }


def _not_tools(value: Any, place: str, field: str) -> InputError:
    return InputError(
        f"{place}: field '{field}' holds {str(value)[:80]!r}",
        "give a list of tools, or JSON of one, as OpenAI ({type: function, function: {name, "
        "description, parameters}}) or Anthropic ({name, description, input_schema}) takes them",
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the turns of one field; `as_text` says that they came as JSON, where a null counts."""

    place: str
    field: str
    as_text: bool

    def messages_of(self, turn: Any) -> Iterator[Message]:
        """Yield the messages that one turn is: results of tools in it are turns of their own."""
        if not isinstance(turn, Mapping):
            raise self._not_a_message(turn)
        if "from" in turn and "role" not in turn:
            yield self._of_sharegpt(turn)
            return
        role, content = _SPEAKERS.get(str(turn.get("role"))), turn.get("content")
        calls = self._calls(turn)
        if role is None or not (isinstance(content, str | list) or (content is None and calls)):
            raise self._not_a_message(turn)
        if kinds := what_is_no_text([turn]):
            raise InputError(
                f"{self.place}: field '{self.field}' holds a part of type {kinds[0]!r}",
                "only texts, calls of tools and their results are read: drop that row",
            )
        parts = _all_parts(content)
        results = [part for part in parts if _kind(part) == "tool_result"]
        for part in results:
            result = Message(role="tool", content=_joined(part.get("content")))
            yield _named(result, tool_call_id=part.get("tool_use_id"))
        calls += [self._call(part, self.as_text) for part in parts if _kind(part) == "tool_use"]
        text = content if isinstance(content, str) else _joined(content)
        if results and not text:
            return
        message = Message(role=role, content=text)
        if role == "assistant":
            thoughts = [turn.get(name) for name in _THOUGHTS]
            thoughts += [part.get("thinking") for part in parts if _kind(part) == "thinking"]
            reasoning = "\n\n".join(one for one in thoughts if one and isinstance(one, str))
            message = _named(message, reasoning=reasoning)
            if calls:
                message["tool_calls"] = calls
        if role == "tool":
            message = _named(message, tool_call_id=turn.get("tool_call_id"), name=turn.get("name"))
        yield message

    def _of_sharegpt(self, turn: Mapping[str, Any]) -> Message:
        role, value = _SPEAKERS.get(str(turn["from"])), turn.get("value")
        if role is None or not isinstance(value, str):
            raise self._not_a_message(turn)
        message = Message(role=role, content=value)
        if turn["from"] == "function_call":
            calls = self._loads(value, turn)
            calls = calls if isinstance(calls, list) else [calls]
            message = Message(role=role, content="")
            message["tool_calls"] = [self._call(call, as_text=True) for call in calls]
        return message

    def _calls(self, turn: Mapping[str, Any]) -> list[ToolCall]:
        """Return OpenAI's calls of a message; the older `function_call` is one of them."""
        calls = turn.get("tool_calls")
        as_text = self.as_text or isinstance(calls, str)
        if isinstance(calls, str):
            calls = self._loads(calls, turn)
        if not calls and turn.get("function_call"):
            calls = [turn["function_call"]]
        if calls and (not isinstance(calls, Sequence) or isinstance(calls, str)):
            raise self._not_a_message(turn)
        return [self._call(call, as_text) for call in calls or ()]

    def _call(self, call: Any, as_text: bool) -> ToolCall:
        function = call.get("function") or call if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise InputError(
                f"{self.place}: field '{self.field}' holds the call {str(call)[:80]!r}",
                "each call of a tool is {id, type: function, function: {name, arguments}}",
            )
        given = [function.get(name) for name in ("arguments", "input", "parameters")]
        arguments = _arguments(next((one for one in given if one is not None), {}), as_text)
        found = ToolCall(
            type="function", function={"name": function["name"], "arguments": arguments}
        )
        identity = call.get("id")
        return {"id": identity, **found} if identity and isinstance(identity, str) else found

    def _loads(self, text: str, turn: Any) -> Any:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise self._not_a_message(turn) from None

    def _not_a_message(self, turn: Any) -> InputError:
        return InputError(
            f"{self.place}: field '{self.field}' holds {str(turn)[:80]!r}",
            f"each message is {{role, content}} with a role of {', '.join(ROLES)} and text content",
        )


def _arguments(value: Any, as_text: bool) -> dict[str, Any] | str:
    """Return arguments as an object; the text that a model wrote where it is none."""
    if isinstance(value, Mapping):
        return dict(value) if as_text else dict(_without_nulls(value))
    if not isinstance(value, str):
        return str(value)
    try:
        content = orjson.loads(value) if value.strip() else {}
    except orjson.JSONDecodeError:
        return value
    return content if isinstance(content, dict) else value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(one) for one in value]
    return value


def _named(message: Message, **more: Any) -> Message:
    """Return a message with the keys that say something."""
    found: Any = {**message, **{name: str(one) for name, one in more.items() if one}}
    return found  # type: ignore[no-any-return]


def _all_parts(content: Any) -> list[Any]:
    """Return the parts of a message's content, those in results of tools after these."""
    if not isinstance(content, Sequence) or isinstance(content, str):
        return [content] if isinstance(content, Mapping) else []
    inner = [
        one
        for part in content
        if _kind(part) == "tool_result"
        for one in _all_parts(part.get("content"))
    ]
    return [*content, *inner]


def _kind(part: Any) -> Any:
    return part.get("type") if isinstance(part, Mapping) else None


def _joined(content: Any) -> str:
    """Return the text of content that may be parts, as models see it."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = content if isinstance(content, list) else [content]
    return "".join(str(part.get("text", "")) for part in parts if _kind(part) in _TEXTS)
