"""Whether two responses are one and the same to a reader."""

from __future__ import annotations

import re
import unicodedata

_BULLET = re.compile(r"^[ \t]*(?:[-*\u2022\u2013+]|#{1,6}|>)[ \t]+", re.MULTILINE)
# Around a word these are punctuation or Markdown; inside one ("3.5", "a.b", "foo_bar") they mean
# something, and so do all other signs everywhere ("-5", "x<y", "5%").
_AROUND = "*_`#~.,;:!?\"'\u2018\u2019\u201c\u201d\u00ab\u00bb\u2026\u3002\u3001\uff0c\uff01\uff1f()"
# To these prompts punctuation, form or case is the answer.
_FORM = re.compile(
    r"\b(?:punctuat\w*|commas?|full stops?|apostrophes?|quot(?:e|ation)s?|markdown|format\w*|bold"
    r"|italics?"
    r"|capital\w*|upper.?case|lower.?case|bullets?|headings?|code|program|function|regex\w*|json"
    r"|yaml|xml"
    r"|html|latex|brackets?|parenthes\w+|typograph\w*|correct\w*|proofread|edit)\b",
    re.IGNORECASE,
)


def likeness(prompt: str, first: str, second: str) -> tuple[str, str] | None:
    """`identical` or `duplicate` with a detail; None for two different responses.

    Duplicates have the same words in the same order, punctuation and Markdown aside. They are
    not looked for in code, nor where the prompt is about form or correctness of form.
    """
    one, other = _normalised(first), _normalised(second)
    if one == other:
        return "identical", "the same text, letter case and spacing aside"
    if abs(len(one) - len(other)) > (len(one) + len(other)) // 2 or _is_code(first, second):
        return None
    if _words(first) == _words(second) and _words(first) and not _FORM.search(prompt):
        return "duplicate", "the same words in the same order, punctuation and Markdown aside"
    return None


def _is_code(*texts: str) -> bool:
    return any("```" in text or "    " in text or "\t" in text for text in texts)


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _words(text: str) -> list[str]:
    stripped = (word.strip(_AROUND) for word in _normalised(_BULLET.sub("", text)).split())
    return [word for word in stripped if word]
