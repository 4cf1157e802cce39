"""A prompt, and how a row of a source file becomes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from prefline.errors import InputError
from prefline.ids import content_id
from prefline.messages import ROLES, Message
from prefline.tables import read_table

_KNOWN = {"prompt", "messages", "category", "license", "template", "reference", "verifier"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation to answer. `verifier` is the JSON of its programmatic check, if any."""

    prompt_id: str
    messages: tuple[Message, ...]
    source: str
    category: str
    license: str
    template: str | None
    reference: str | None
    verifier: str | None

    @property
    def text(self) -> str:
        """The conversation as one string, for filters that look at text."""
        return "\n".join(message["content"] for message in self.messages)


def read_prompts(folder: Path) -> list[Prompt]:
    """The prompts of the table at `folder`. Raises `TableError` if it is missing."""
    rows = read_table(folder).to_pylist()
    return [Prompt(**(row | {"messages": tuple(row["messages"])})) for row in rows]


def prompt_from_row(row: Mapping[str, Any], source: str, place: str) -> Prompt:
    """A source's row as a prompt. `place` says where the row is, for errors.

    Raises `InputError` that names the place, the field and the remedy.
    """
    unknown = set(row) - _KNOWN - {"prompt_id", "source"}
    if unknown:
        raise InputError(
            f"{place}: unknown field {', '.join(sorted(unknown))}",
            f"rename or drop it; known fields: {', '.join(sorted(_KNOWN))}",
        )
    messages = _messages(row, place)
    return Prompt(
        prompt_id=content_id("prompt", messages),
        messages=messages,
        source=source,
        category=_optional_text(row, "category", place) or "uncategorised",
        license=_optional_text(row, "license", place) or "unknown",
        template=_optional_text(row, "template", place),
        reference=_optional_text(row, "reference", place),
        verifier=_verifier(row.get("verifier")),
    )


def _messages(row: Mapping[str, Any], place: str) -> tuple[Message, ...]:
    if row.get("messages") is not None:
        return tuple(_message(turn, place) for turn in row["messages"])
    if not isinstance(row.get("prompt"), str):
        raise InputError(
            f"{place}: field 'prompt' is missing or not text",
            "give each row a text 'prompt', or 'messages' as a list of {role, content}",
        )
    return (Message(role="user", content=row["prompt"]),)


def _message(turn: Any, place: str) -> Message:
    if (
        isinstance(turn, Mapping)
        and turn.get("role") in ROLES
        and isinstance(turn.get("content"), str)
    ):
        return Message(role=turn["role"], content=turn["content"])
    raise InputError(
        f"{place}: field 'messages' holds {str(turn)[:80]!r}",
        f"each message is {{role, content}} with a role of {', '.join(ROLES)} and text content",
    )


def _optional_text(row: Mapping[str, Any], field: str, place: str) -> str | None:
    value = row.get(field)
    if value is None or isinstance(value, str):
        return value
    raise InputError(
        f"{place}: field '{field}' is {type(value).__name__}, not text",
        f"make '{field}' a string, or leave it out",
    )


def _verifier(value: Any) -> str | None:
    """Canonical JSON, so that equal checks are equal text."""
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
