"""Conversations: turns, calls of tools in them, the answer to a prompt, a conversation as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import orjson

from prefline.ids import content_id
from prefline.tables.folding import folded

ROLES = ("system", "user", "assistant", "tool")


class CalledFunction(TypedDict):
    """A tool's name, and its arguments: an object, or the text where a model wrote no JSON."""

    name: str
    arguments: dict[str, Any] | str


class ToolCall(TypedDict):
    """One call of a tool, as OpenAI has it but for the arguments."""

    id: NotRequired[str]
    type: str
    function: CalledFunction


class Message(TypedDict):
    """One turn of a conversation; `role` is one of `ROLES`. A key that says nothing is left out:
    chat templates ask whether it is there."""

    role: str
    content: str
    reasoning: NotRequired[str]
    tool_calls: NotRequired[list[ToolCall]]
    tool_call_id: NotRequired[str]
    name: NotRequired[str]


Conversation = tuple[Message, ...]

# Wide on purpose, as the delimiters of judges are: what only resembles a mark costs a hash.
_LIKE_MARK = re.compile(
    r"[\[\u3010\u3014(<][\W_]{0,5}(system|user|assistant|call|result|tools|tool)(?![a-z])"
)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")
_MARK = re.compile(
    r"^\[(?P<label>system|user|assistant|tools|(?:call|result)(?: [A-Za-z0-9_.:/-]{1,64})??)"
    r"(?P<tag> [0-9a-f]{16})?\] ",
    re.MULTILINE,
)


def with_system(messages: Conversation, system: str | None) -> Conversation:
    """Return a conversation with a system prompt before it, unless it has one of its own."""
    if system is None or messages[0]["role"] == "system":
        return messages
    return (Message(role="system", content=system), *messages)


def conversation_of(prompt: Iterable[Message], answer: str | Sequence[Message]) -> Conversation:
    """Return the conversation of `prompt` with `answer` at its end: a text as an assistant's turn,
    or turns."""
    if isinstance(answer, str):
        return (*prompt, Message(role="assistant", content=answer))
    return (*prompt, *answer)


def without_answer(messages: Sequence[Message]) -> Conversation:
    """Return a conversation without the answer at its end: the assistant's last turns, and what
    tools told it between them. One that ends with a tool's turn waits for an answer."""
    end = len(messages)
    if end and messages[-1]["role"] == "tool":
        return tuple(messages)
    while end and messages[end - 1]["role"] in ("assistant", "tool"):
        end -= 1
    return tuple(messages[:end])


def uses_tools(messages: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether tools are called in a conversation, or tell something."""
    for turn in messages:  # noqa: SIM110 - most of it would be the generator; asked twice a call
        if turn["role"] == "tool" or turn.get("tool_calls"):
            return True
    return False


def message_from_row(turn: Mapping[str, Any]) -> Message:
    """Return a message as tables hold it: calls are JSON there, and what is not there is null."""
    message: Any = {name: value for name, value in turn.items() if value is not None}
    message.setdefault("content", "")
    if isinstance(message.get("tool_calls"), str):
        message["tool_calls"] = orjson.loads(message["tool_calls"])
    return message  # type: ignore[no-any-return]


def message_to_row(message: Message) -> dict[str, Any]:
    """Return a message as tables hold it."""
    if "tool_calls" not in message:
        return {**message}
    return {**message, "tool_calls": orjson.dumps(message["tool_calls"]).decode()}


def transcript(conversation: Conversation, max_characters: int) -> str:
    """Return a conversation as text, each turn after its role, for models that embed texts.

    Of a longer one the end is kept, since that is where answers differ.
    """
    text = "\n\n".join(f"{turn['role']}: {text_of([turn])}" for turn in conversation)
    return text[-max_characters:]


def question_of(messages: Sequence[Message], tools: str | None = None) -> str:
    """Return a prompt as one text: with the speakers' roles where it is a conversation, and with
    what its `tools` (JSON) take, if it has some."""
    if tools is not None or uses_tools(messages):
        return _marked(parts_of(messages, tools))
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n".join(f"{turn['role']}: {turn['content']}" for turn in messages)


def text_of(turns: Sequence[Message]) -> str:
    """Return an answer as one text. That of a single turn without calls is what it says; else each
    turn, call and result stands after a mark that no text among them can forge:

        [assistant] I will look it up.
        [call weather] {"city":"Paris"}
        [result weather] 18 degrees
        [assistant] It is 18 degrees.
    """
    if is_single_text(turns):
        return turns[0]["content"]
    return _marked(parts_of(turns))


def parts_of_text(text: str) -> list[tuple[str, str]] | None:
    """Return the parts of a text that `text_of` or `question_of` has written of several turns, each
    with its label; None for another text."""
    first = _MARK.match(text)
    if first is None:
        return None
    marks = [one for one in _MARK.finditer(text) if one["tag"] == first["tag"]]
    ends = [*(one.start() - 1 for one in marks[1:]), len(text)]
    return [(one["label"], text[one.end() : end]) for one, end in zip(marks, ends, strict=True)]


def is_single_text(turns: Sequence[Message]) -> bool:
    """Tell whether turns are one that calls nothing, which is its text."""
    return len(turns) == 1 and not uses_tools(turns)


def final_text(turns: Sequence[Message]) -> str:
    """Return what the assistant said last; empty where it ends with a call."""
    return next((turn["content"] for turn in turns[::-1] if turn["role"] == "assistant"), "")


def calls_of(turns: Iterable[Message]) -> list[CalledFunction]:
    """Return the calls of tools in some turns, in their order."""
    return [call["function"] for turn in turns for call in turn.get("tool_calls", ())]


def parts_of(turns: Iterable[Message], tools: str | None = None) -> list[tuple[str, str]]:
    """Return the turns, calls and results of a conversation, each with its label; before them what
    its `tools` (JSON) take."""
    offered = [("tools", "\n".join(_signatures(tools)))] if tools is not None else []
    return [*offered, *_parts(turns)]


def _parts(turns: Iterable[Message]) -> Iterator[tuple[str, str]]:
    names = dict[str, str]()
    for turn in turns:
        if turn["role"] == "tool":
            name = turn.get("name") or names.get(turn.get("tool_call_id", ""), "")
            yield _label("result", name), turn["content"]
            continue
        calls = turn.get("tool_calls", [])
        if turn["content"] or not calls:
            yield turn["role"], turn["content"]
        for call in calls:
            function = call["function"]
            # Of several calls without ids nobody knows whose a result is.
            names[call.get("id", "")] = function["name"] if "id" in call or len(calls) == 1 else ""
            label = _label("call", function["name"])
            yield label, _as_text(function["arguments"] if label != "call" else function)


def _label(what: str, name: str) -> str:
    """Return a mark's label; a name that is no tool's could close the mark."""
    return f"{what} {name}" if _PLAIN_NAME.fullmatch(name) else what


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _marked(parts: Sequence[tuple[str, str]]) -> str:
    forged = any(_LIKE_MARK.search(folded(text)) for _, text in parts)
    tag = f" {content_id(*(text for _, text in parts))}" if forged else ""
    return "\n".join(f"[{label}{tag}] {text}" for label, text in parts)


def _signatures(tools: str) -> Iterator[str]:
    """Yield a line for each tool: its name, its parameters with their types (those that may be
    left out with a question mark), and what it does."""
    for tool in orjson.loads(tools):
        function = tool.get("function", tool)
        schema = function.get("parameters") or {}
        required = schema.get("required") or ()
        parameters = ", ".join(
            f"{name}{'' if name in required else '?'}: {_kind_of(inner)}"
            for name, inner in (schema.get("properties") or {}).items()
        )
        does = function.get("description")
        yield f"{function.get('name')}({parameters})" + (f": {does}" if does else "")


def _kind_of(schema: Any) -> str:
    """Return the type of a parameter in a word: its JSON Schema's `enum` or `type`."""
    if not isinstance(schema, Mapping):
        return "any"
    if "enum" in schema:
        return "|".join(_as_text(value) for value in schema["enum"])
    kind = schema.get("type", "any")
    return "|".join(map(str, kind)) if isinstance(kind, list) else str(kind)
