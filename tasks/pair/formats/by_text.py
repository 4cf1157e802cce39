"""Answers about texts, of a table that knows no ids of ours: rows of our own format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from prefline.errors import InputError
from prefline.ids import content_id, pair_id
from prefline.tables.by_text import ResponsesByText, prompt_id_of
from tasks.pair.formats.plain import TIE, ExportedRow, Id, Moment, parse_as

_REMEDY = (
    "each answer about texts is {reviewer, prompt or messages, response_a, response_b, preferred}, "
    'with preferred "a", "b" or "tie", or null for a skip'
)


class _Row(ExportedRow):
    reviewer: Id
    response_a: str
    response_b: str
    preferred: Literal["a", "b", "tie"] | None
    answered_at: Moment | None = None


def matches(row: Mapping[str, Any]) -> bool:
    """Tell whether the row names the responses by their texts."""
    return "reviewer" in row and "response_a" in row and "pair_id" not in row


def with_ids(row: Mapping[str, Any], place: str, responses: ResponsesByText) -> dict[str, Any]:
    """Return the row in our own format. Raises `InputError` that names place, field and remedy.

    An answer about a response that this run has not names a pair that there is not, so that it is
    warned of like any other.
    """
    parsed = parse_as(_Row, row, place, _REMEDY)
    prompt_id = prompt_id_of(row, place)
    if prompt_id is None:
        raise InputError(f"{place}: neither 'prompt' nor 'messages' is there", _REMEDY)
    ids = {
        side: responses.find(prompt_id, text) or content_id("unknown response", prompt_id, text)
        for side, text in (("a", parsed.response_a), ("b", parsed.response_b))
    }
    other = "a" if parsed.preferred == "b" else "b"
    preferred = TIE if parsed.preferred == TIE else ids.get(parsed.preferred or "")
    return {
        "pair_id": pair_id(*sorted(ids.values())),
        "reviewer": parsed.reviewer,
        "preferred_id": preferred,
        "other_id": ids[other],
        "answered_at": parsed.answered_at,
    }
