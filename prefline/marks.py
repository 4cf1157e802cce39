"""Marks around material that a model is shown, which the material cannot forge."""

from __future__ import annotations

import re

from prefline.ids import content_id

_LOOKS_LIKE_ONE = re.compile(r"\[(end )?(right )?(question|answer)", re.IGNORECASE)


def mark_for(*texts: str) -> str:
    """What sets the marks apart from the material: nothing, unless a text holds something that
    looks like a mark; then a hash of all texts, which none of them can contain."""
    if not any(_LOOKS_LIKE_ONE.search(text) for text in texts):
        return ""
    return f" {content_id(*texts)}"
