"""A prompt, and how a row of a source file becomes one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from prefline.config import FIELDS
from prefline.errors import InputError
from prefline.ids import content_id
from prefline.tables.messages import (
    Message,
    message_from_row,
    message_to_row,
    question_of,
    uses_tools,
)
from prefline.tables.shards import shards
from prefline.tables.turns import read_tools, read_turns

_KNOWN = {*FIELDS, "prompt_id", "source"}
MAX_CHARACTERS = 4_000_000
"""The longest conversation: in a longer one something else was put there."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation to answer. `verifier` is the JSON of its programmatic check, if any, `tools`
    that of the tools that may be called. A prompt that a model made of others names these parents,
    the style and the call."""

    prompt_id: str
    messages: tuple[Message, ...]
    source: str
    category: str
    license: str
    template: str | None
    reference: str | None
    verifier: str | None
    parent_ids: tuple[str, ...] | None = None
    style: str | None = None
    request_key: str | None = None
    tools: str | None = None

    @property
    def question(self) -> str:
        """The conversation as judges see it, with what its tools take."""
        return question_of(self.messages, self.tools)

    @property
    def text(self) -> str:
        """The conversation as one string, for filters that look at text."""
        if self.tools is not None or uses_tools(self.messages):
            return self.question
        return "\n".join(message["content"] for message in self.messages)


def id_of_prompt(messages: Sequence[Message], tools: str | None = None) -> str:
    """Return the id of a prompt: of its messages and, if it has some, its tools (JSON)."""
    if tools is None:
        return content_id("prompt", messages)
    return content_id("prompt", messages, orjson.loads(tools))


def read_prompts(folder: Path) -> list[Prompt]:
    """Return the prompts of the table at `folder`. Raises `TableError` if it is missing."""
    from prefline.tables.parts import read_table

    return [prompt_of_row(row) for row in read_table(folder).to_pylist()]


def read_some_prompts(folder: Path, start: int, stop: int) -> list[Prompt]:
    """Return the prompts at places `start` to `stop` of the table. Raises `TableError`."""
    from prefline.tables.parts import iter_batches

    prompts: list[Prompt] = []
    for batch in iter_batches(folder):
        rows = batch.slice(max(start, 0), max(stop - max(start, 0), 0))
        prompts += map(prompt_of_row, rows.to_pylist())
        start, stop = start - batch.num_rows, stop - batch.num_rows
        if stop <= 0:
            break
    return prompts


def write_prompts(folder: Path, prompts: Iterable[Prompt]) -> None:
    """Write prompts as the table at `folder`, in constant memory. Raises `DiskFull`."""
    from prefline.tables.parts import ROWS_PER_GROUP, TableWriter
    from prefline.tables.schemas import PROMPTS, table_from_rows

    with TableWriter(folder, PROMPTS) as table:
        for shard in shards(prompts, ROWS_PER_GROUP):
            table.write(table_from_rows(map(_to_row, shard), PROMPTS))


def prompt_of_row(row: dict[str, Any]) -> Prompt:
    """Return a row of the table `prompts` as a prompt."""
    parents, messages = row.get("parent_ids"), row["messages"]
    if "tools" in row:
        messages = map(message_from_row, messages)
    tuples = {"messages": tuple(messages), "parent_ids": parents and tuple(parents)}
    return Prompt(**(row | tuples))


def _to_row(prompt: Prompt) -> dict[str, Any]:
    row = {field.name: getattr(prompt, field.name) for field in fields(prompt)}
    if uses_tools(prompt.messages):
        row["messages"] = [message_to_row(message) for message in prompt.messages]
    return row


def prompt_from_row(row: Mapping[str, Any], source: str, place: str) -> Prompt:
    """Return a source's row as a prompt. `place` says where the row is, for errors.

    Raises `InputError` that names the place, the field and the remedy.
    """
    unknown = sorted(set(row) - _KNOWN)
    if unknown:
        near = difflib.get_close_matches(unknown[0], FIELDS, 1)
        raise InputError(
            f"{place}: unknown field {', '.join(unknown)}",
            (f"did you mean {near[0]!r}? " if near else "")
            + "rename or drop it, or name the columns that are wanted under `columns` of the "
            f"source; known fields: {', '.join(FIELDS)}",
        )
    return prompt_of(_messages(row, place), read_tools(row.get("tools"), place), row, source, place)


def prompt_of(
    messages: tuple[Message, ...],
    tools: str | None,
    row: Mapping[str, Any],
    source: str,
    place: str,
) -> Prompt:
    """Return a conversation and its tools (JSON) as a prompt, with what else its `row` tells.

    Raises `InputError` that names the place, the field and the remedy.
    """
    return Prompt(
        prompt_id=id_of_prompt(messages, tools),
        messages=messages,
        source=source,
        category=_optional_text(row, "category", place) or "uncategorised",
        license=_optional_text(row, "license", place) or "unknown",
        template=_optional_text(row, "template", place),
        reference=_optional_text(row, "reference", place),
        verifier=_verifier(row.get("verifier")),
        tools=tools,
    )


def _messages(row: Mapping[str, Any], place: str) -> tuple[Message, ...]:
    messages = _conversation(row, place)
    system = _optional_text(row, "system", place)
    if system:
        if any(message["role"] == "system" for message in messages):
            raise InputError(
                f"{place}: fields 'system' and 'messages' both hold a system prompt",
                "leave one of them out",
            )
        messages = (Message(role="system", content=system), *messages)
    characters = sum(len(message["content"]) for message in messages)
    if characters > MAX_CHARACTERS:
        field = "messages" if row.get("messages") is not None else "prompt"
        raise InputError(
            f"{place}: field '{field}' has {characters:,} characters, and no prompt has more "
            f"than {MAX_CHARACTERS:,}",
            "see whether a whole file was put there; shorten or drop that row",
        )
    return messages


def _conversation(row: Mapping[str, Any], place: str) -> tuple[Message, ...]:
    if row.get("messages") is not None:
        return read_turns(row["messages"], place)
    if not isinstance(row.get("prompt"), str):
        fault = f"{type(row['prompt']).__name__}, not text" if row.get("prompt") else "missing"
        raise InputError(
            f"{place}: field 'prompt' is {fault}",
            "give each row a text 'prompt', or 'messages' as a list of {role, content}; if the "
            "column has another name, say so under `columns` of the source",
        )
    return (Message(role="user", content=row["prompt"]),)


def _optional_text(row: Mapping[str, Any], field: str, place: str) -> str | None:
    value = row.get(field)
    if value is None or isinstance(value, str):
        return value
    raise InputError(
        f"{place}: field '{field}' is {type(value).__name__}, not text",
        f"make '{field}' a string, or leave it out",
    )


def _verifier(value: Any) -> str | None:
    """Return canonical JSON, so that equal checks are equal text.

    Parquet gives every key to every row, so a null says that there is none.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        value = {key: inner for key, inner in value.items() if inner is not None}
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
