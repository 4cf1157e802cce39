"""The JSON in a model's reply, whatever words stand around it."""

from __future__ import annotations

import json
from typing import Any

_DECODER = json.JSONDecoder()


def last_object(text: str) -> dict[str, Any] | None:
    """The last JSON object in a text that is not inside another one; None if there is none."""
    found, at = None, text.find("{")
    while at >= 0:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            end = at + 1
        else:
            found = value
        at = text.find("{", end)
    return found
