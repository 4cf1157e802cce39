"""This run's responses, found by the texts of prompt and response.

Tables that were made elsewhere know no ids of ours: imported verdicts, and answers of people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from prefline.tables.messages import text_of
from prefline.tables.prompts import prompt_from_row
from prefline.tables.turns import read_answer


class ResponsesByText:
    """Responses by their prompt and their text. Rows are read when one is first looked for."""

    def __init__(self, responses: Iterable[Mapping[str, Any]]) -> None:
        self._responses = responses

    def find(self, prompt_id: str, text: str) -> str | None:
        """Return the id of the response of this text, white space around it aside."""
        return self._ids.get((prompt_id, text.strip()))

    @cached_property
    def _ids(self) -> dict[tuple[str, str], str]:
        return {
            (row["prompt_id"], row["text"].strip()): row["response_id"] for row in self._responses
        }


def prompt_id_of(row: Mapping[str, Any], place: str) -> str | None:
    """Return the id of the prompt whose text a row holds as `prompt` or `messages`; None without
    either. Raises `InputError` that names the place."""
    prompt = {name: row[name] for name in ("prompt", "messages") if row.get(name) is not None}
    if not prompt:
        return None
    return prompt_from_row(prompt | {"tools": row.get("tools")}, "", place).prompt_id


def text_of_cell(value: Any, place: str, field: str) -> Any:
    """Return the text of an answer in a row's field: a text as it is, turns as `responses` has
    them. Raises `InputError` for turns that are no answer."""
    return text_of(read_answer(value, place, field)) if isinstance(value, list) else value
