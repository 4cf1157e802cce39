"""A prompt or a response in the forms in which detectors look at it, each made once."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# What prints nothing: soft hyphen, fillers, zero-width signs, bidi controls, invisible operators,
# variation selectors, tag characters.
INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_WORD = re.compile(r"\w+")
_PLAIN_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


@dataclass(frozen=True, slots=True)
class Text:
    """`raw` as it came; `plain` without invisible characters, NFKC, with straight quotes; `folded`
    in lower case too; `words` the words of `folded` in order, `vocabulary` each once."""

    raw: str
    plain: str
    folded: str
    words: list[str]
    vocabulary: frozenset[str]

    @classmethod
    def of(cls, raw: str) -> Text:
        """All forms of a text."""
        plain = raw if raw.isascii() else visible(raw)
        folded = plain.casefold()
        words = _WORD.findall(folded)
        return cls(raw, plain, folded, words, frozenset(words))


def visible(raw: str) -> str:
    """What a reader sees of a text, compatible characters as one (NFKC)."""
    plain = _INVISIBLE.sub("", raw)
    if not unicodedata.is_normalized("NFKC", plain):
        plain = unicodedata.normalize("NFKC", plain)
    return plain.translate(_PLAIN_QUOTES)
