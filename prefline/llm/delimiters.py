"""Delimiters around texts in a prompt, which the texts cannot forge."""

from __future__ import annotations

import re
from functools import lru_cache

from prefline.ids import content_id
from prefline.tables.folding import folded

# Wide on purpose: what only resembles a delimiter, or what a judge is asked at the end of its
# prompt, costs a hash, no more. In a text that is folded.
_LIKE_DELIMITER = re.compile(
    r"[\[\u3010\u3014(<{][\W_]{0,5}(end[\W_]{0,5}(of[\W_]{0,5})?)?(the[\W_]{0,5})?(right[\W_]{0,5})?"
    r"(question|answer)|which[\W_]{1,5}(answer|response)[\W_]{1,5}is[\W_]{1,5}better"
    r"|^[^\w\n]*answer[^\w\n]{0,5}[ab12][^\w\n]*$",
    re.MULTILINE,
)
# The first delimiter of a prompt: `[question]`, or with a tag, on a line of its own.
_FIRST_DELIMITER = re.compile(r"^\[(?!end )[a-z' ]{1,40}?(?: [0-9a-f]{16})?\]$", re.MULTILINE)


def delimiter_tag(*texts: str) -> str:
    """Return what tells the delimiters from the texts: nothing, unless a text holds something that
    looks like a delimiter; then a hash of all texts, which none of them can contain."""
    if not any(map(_looks_like_delimiter, texts)):
        return ""
    return f" {content_id(*texts)}"


# A judge sees a text beside each of the others to its prompt, in either order.
@lru_cache(maxsize=64)
def _looks_like_delimiter(text: str) -> bool:
    return _LIKE_DELIMITER.search(folded(text)) is not None


def constant_head(prompt: str) -> str:
    """Return what stands before the first delimiter of a prompt: its instructions, which many
    prompts share. Empty where there is no delimiter."""
    first = _FIRST_DELIMITER.search(prompt)
    return prompt[: first.start()] if first else ""
