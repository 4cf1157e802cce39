"""The JSON in a model's reply, whatever words stand around it."""

from __future__ import annotations

import json
from typing import Any

_DECODER = json.JSONDecoder()
_LONGEST = 20_000  # characters
_BEGINNINGS = 200


def last_object(text: str) -> dict[str, Any] | None:
    """The last JSON object in a text that is not inside another one; None if there is none.

    Only the text's end is looked at, and a bounded number of beginnings, so that no reply takes
    long: a score card is short.
    """
    text = text[-_LONGEST:]
    found, at = None, text.find("{")
    for _ in range(_BEGINNINGS):
        if at < 0:
            break
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):  # ValueError: no JSON, or an endless number
            end = at + 1
        else:
            found = value
        at = text.find("{", end)
    return found
