"""Conversations with tools as a version holds them: messages as JSON, which `datasets` reads as
they were, in the type that it gives to messages of unlike keys itself (`List(Json())`, since 4.7).

In a struct Arrow would give every message all keys, most of them null. Templates that ask whether a
key is there, as Llama 3.1's `'tool_calls' in message` does, then take each turn for a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.errors import TableError
from prefline.tables.messages import message_from_row, uses_tools
from prefline.tables.schemas import MESSAGE, MESSAGES, has_turns
from tasks.publish.formats import PublishFormat
from tasks.publish.formats.base import TOOLS, USES_TOOLS

_JSON_MESSAGES = pa.list_(pa.json_())
_TEXT_MESSAGES = pa.list_(pa.string())
_SIDES = ("chosen", "rejected")
_TOOLS_FIELD = pa.field(
    TOOLS, pa.json_(), metadata={"meaning": "the tools that the prompt offers, as JSON"}
)


def are_with_tools(parts: Sequence[Path]) -> bool:
    """Tell whether a table of preferences has conversations with tools. Raises `TableError` if its
    first part cannot be read."""
    try:
        return has_turns(pq.read_schema(parts[0]))
    except pa.ArrowException as error:
        raise unreadable(parts[0], error) from error


def unreadable(part: Path, error: Exception) -> TableError:
    """Return the error of a part of the preferences that cannot be read."""
    return TableError(
        f"{part} cannot be published: {error}",
        "run `dvc repro`: the stage `pair` makes it, and `validate` checks it",
    )


def with_tools(declared: PublishFormat) -> PublishFormat:
    """Return a format as a version with tools has it, if it has a place for them."""
    if not declared.takes_thinking:
        return declared
    schema = pa.schema([*map(_as_json_field, declared.schema), _TOOLS_FIELD])
    return replace(declared, schema=schema)


def as_json(preferences: pa.Table, *, keep_reasoning: bool) -> pa.Table:
    """Return preferences with each message as JSON text; what the assistant thought is `thinking`
    in it, or left out."""
    for name in ("prompt", *_SIDES):
        rows = [
            None
            if messages is None
            else [
                orjson.dumps(published_turn(turn, keep_reasoning=keep_reasoning)).decode()
                for turn in messages
            ]
            for messages in preferences[name].to_pylist()
        ]
        preferences = _replaced(preferences, name, pa.array(rows, _TEXT_MESSAGES))
    return preferences


def as_plain(preferences: pa.Table) -> pa.Table:
    """Return preferences as formats without a place for tools see them: messages of role and
    content, and the column `uses_tools`. Where tools are used an answer has one more message, which
    is empty: no such format takes one of several messages."""
    columns = {name: preferences[name].to_pylist() for name in ("prompt", *_SIDES)}
    uses = [
        tools is not None or any(uses_tools(turns or ()) for turns in row)
        for tools, *row in zip(preferences[TOOLS].to_pylist(), *columns.values(), strict=True)
    ]
    keys = MESSAGE.names
    for name, lists in columns.items():
        more = [{"role": "assistant", "content": ""}] if name in _SIDES else []
        rows = [
            [{key: turn[key] for key in keys} for turn in turns or ()] + (more if used else [])
            for turns, used in zip(lists, uses, strict=True)
        ]
        preferences = _replaced(preferences, name, pa.array(rows, MESSAGES))
    return preferences.drop_columns([TOOLS]).append_column(USES_TOOLS, pa.array(uses, pa.bool_()))


def _as_json_field(field: pa.Field[Any]) -> pa.Field[Any]:
    kind: Any = field.type
    if kind == MESSAGES:
        return field.with_type(_JSON_MESSAGES)
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        return field.with_type(pa.list_(pa.struct([*map(_as_json_field, kind.value_type)])))
    return field


def published_turn(turn: Mapping[str, Any], *, keep_reasoning: bool) -> dict[str, Any]:
    """Return a message of a conversation with tools as a version holds it: what the assistant
    thought is `thinking`, or left out."""
    message: Any = message_from_row(turn)
    thought = message.pop("reasoning", None)
    if keep_reasoning and thought is not None:
        message = {"role": message.pop("role"), "thinking": thought, **message}
    found: dict[str, Any] = message
    return found


def _replaced(rows: pa.Table, name: str, values: Any) -> pa.Table:
    at = rows.column_names.index(name)
    return rows.set_column(at, rows.schema.field(name).with_type(values.type), values)
