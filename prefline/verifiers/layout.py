"""The form of a reply as a whole."""

from __future__ import annotations

import json
import re

from prefline.verifiers.check import without_fence

_TITLE = re.compile(r"<<[^<>\n]*\S[^<>\n]*>>")
_QUOTES = {'"': '"', "\u201c": "\u201d", "\u00ab": "\u00bb", "\u201e": "\u201c"}
_BREAK = re.compile(r"^\s*\*{6,}\s*$", re.MULTILINE)


def has_title(reply: str) -> bool:
    """Whether it has a title in double angular brackets, such as <<On rain>>."""
    return _TITLE.search(reply) is not None


def is_json(reply: str) -> bool:
    """Whether it is JSON and nothing else, a code fence around it aside."""
    try:
        json.loads(without_fence(reply))
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def is_quoted(reply: str) -> bool:
    """Whether all of it stands in double quotation marks."""
    return len(reply) > 1 and _QUOTES.get(reply[0]) == reply[-1]


def answers_of(reply: str) -> list[str]:
    """The answers in it, a line of six asterisks between each two."""
    return [one.strip() for one in _BREAK.split(reply) if one.strip()]


def sections(reply: str, word: str) -> int:
    """Sections that begin with a line such as "Section 1", for the word "Section"."""
    pattern = rf"^\W*{re.escape(word)}\s+(?:\d+|[IVXLC]+)\b"
    return len(re.findall(pattern, reply, re.IGNORECASE | re.MULTILINE))


def has_postscript(reply: str, mark: str) -> bool:
    """Whether a line begins with a mark such as P.S. and goes on."""
    pattern = rf"^\s*{re.escape(mark)}.*\w"
    return re.search(pattern, reply, re.IGNORECASE | re.MULTILINE) is not None
