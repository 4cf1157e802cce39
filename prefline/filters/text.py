"""The form in which texts are compared, and their tokens."""

from __future__ import annotations

import re
import unicodedata

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\w+")
_AROUND = " .!?\"'`\u201c\u201d\u2018\u2019"


def normal(text: str) -> str:
    """The text without what does not change its meaning: letter case, kinds of white space, forms
    of one character (Unicode NFKC), and full stops and quotes around the whole."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    spaced = " ".join(folded.split())
    # A text of nothing but such marks stays what it is.
    return spaced.strip(_AROUND) or spaced


def tokens(text: str) -> list[str]:
    """Words and signs in their order: `3 + 5` and `3 - 5` are not the same."""
    return _TOKEN.findall(normal(text))


def words(text: str) -> list[str]:
    """Words alone."""
    return _WORD.findall(normal(text))
