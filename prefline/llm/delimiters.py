"""Delimiters around texts in a prompt, which the texts cannot forge."""

from __future__ import annotations

import re

from prefline.ids import content_id

# Wide on purpose: what only resembles a delimiter costs a hash, no more.
_LIKE_DELIMITER = re.compile(
    r"[\[\uff3b\u3010\u3014(<{]\W{0,5}(end\W{0,5}(of\W{0,5})?)?(the\W{0,5})?(right\W{0,5})?"
    r"(question|answer)",
    re.IGNORECASE,
)


def delimiter_tag(*texts: str) -> str:
    """Return what tells the delimiters from the texts: nothing, unless a text holds something that
    looks like a delimiter; then a hash of all texts, which none of them can contain."""
    if not any(_LIKE_DELIMITER.search(text) for text in texts):
        return ""
    return f" {content_id(*texts)}"
