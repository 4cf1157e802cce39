"""The cells of a table of imported responses, as values of our columns' types."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from prefline.errors import InputError
from prefline.tables.prompts import prompt_from_row

_LARGEST_INDEX, _LARGEST_COUNT = 2**31 - 1, 2**63 - 1
TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")


def values_of(row: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A row by our columns: the prompt's id, model, text, sample, finish reason, tokens, cost.

    Raises `InputError` that names file, row, field and remedy.
    """
    index = _whole(row, "sample_index", place, _LARGEST_INDEX)
    return {
        "prompt_id": _prompt_id(row, place),
        "model": _needed(row, "model", place, "name it in `model` or map a column to it"),
        "sample_index": 0 if index is None else index,
        "text": (_text(row, "text", place) or "").strip(),
        "finish_reason": _text(row, "finish_reason", place) or "unknown",
        **{name: _whole(row, name, place, _LARGEST_COUNT) for name in TOKENS},
        "cost_usd": _cost(row, place),
    }


def _prompt_id(row: Mapping[str, Any], place: str) -> str:
    """The id of the prompt itself, where the row has it; a table made elsewhere may have ids of
    its own."""
    given = {name: row[name] for name in ("messages", "prompt") if _is_given(row.get(name))}
    if not given:
        remedy = "give each row the prompt's text in 'prompt', or 'messages', or our 'prompt_id'"
        return _needed(row, "prompt_id", place, remedy)
    if not isinstance(given.get("messages", []), list):
        raise InputError(
            f"{place}: field 'messages' is no list", "make it a list of {role, content}"
        )
    return prompt_from_row(given, "", place).prompt_id


def _needed(row: Mapping[str, Any], field: str, place: str, remedy: str) -> str:
    value = _text(row, field, place)
    if value:
        return value
    raise InputError(f"{place}: field '{field}' is missing", remedy)


def _text(row: Mapping[str, Any], field: str, place: str) -> str | None:
    value = row.get(field)
    if not _is_given(value):
        return None
    if isinstance(value, str):
        return value
    raise InputError(
        f"{place}: field '{field}' is {type(value).__name__}, not text", f"make '{field}' a string"
    )


def _whole(row: Mapping[str, Any], field: str, place: str, largest: int) -> int | None:
    """A whole number from 0; text as in CSV and floats without a fraction, as in a column that
    has gaps, are as good."""
    value: Any = row.get(field)
    if not _is_given(value):
        return None
    try:
        number = None if isinstance(value, bool) else int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if (
        number is not None
        and 0 <= number <= largest
        and (isinstance(value, str) or number == value)
    ):
        return number
    raise InputError(
        f"{place}: field '{field}' is {value!r}", f"give a whole number from 0 to {largest}"
    )


def _cost(row: Mapping[str, Any], place: str) -> float | None:
    value: Any = row.get("cost_usd")
    if not _is_given(value):
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if 0 <= number < math.inf:
        return number
    raise InputError(f"{place}: field 'cost_usd' is {value!r}", "give the price in USD, or nothing")


def _is_given(value: Any) -> bool:
    """Whether a cell holds something; NaN is how some writers of Parquet say that it does not."""
    return value is not None and value == value  # noqa: PLR0124
