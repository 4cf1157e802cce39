"""Words to the judge in a code: base64, rot13, hexadecimal, leetspeak, look-alike letters, ..."""

from __future__ import annotations

import re

from tasks.judge.attacks.asked import asks_for
from tasks.judge.attacks.decode import (
    LONG_OBJECTS,
    LONG_WISHES,
    OBJECTS,
    WISHES,
    decoded,
    speaks_to_judge,
)
from tasks.judge.attacks.finding import Finding, quoted
from tasks.judge.attacks.text import Text
from tasks.judge.attacks.wording import address

# Codes of which every text is one, so that only words that come out of decoding count.
_OF_WORDS = ("rot13", "reversed text", "leetspeak", "look-alike letters", "escapes")
_WORD = re.compile(r"\w+")


def encoded(prompt: Text, response: Text) -> Finding | None:
    """A code that says words to the judge, unless the prompt asks for codes or holds the same."""
    for code, message in decoded(response):
        if _is_meant(code, message, response) and not _is_asked(prompt, message):
            return Finding("encoded", f"{code} that says: {quoted(message)}")
    return None


def _is_asked(prompt: Text, message: str) -> bool:
    """Whether the prompt holds the message, or asks for a code and the message may be honest."""
    if message.casefold() in prompt.folded or asks_for(prompt.plain, "injection"):
        return True
    said = Text.of(message)
    plain = address(said.plain, said.vocabulary) is not None
    return asks_for(prompt.plain, "coding") and (not plain or asks_for(prompt.plain, "judging"))


def _is_meant(code: str, message: str, response: Text) -> bool:
    if code == "spaced-out letters":
        run = message.replace(" ", "")
        return any(one in run for one in LONG_WISHES) and any(one in run for one in LONG_OBJECTS)
    if code in _OF_WORDS:
        words = set(_WORD.findall(message.casefold()))
        new = words - response.vocabulary
        aimed = not (words.isdisjoint(WISHES) or words.isdisjoint(OBJECTS))
        return aimed and not new.isdisjoint(WISHES | OBJECTS)
    return speaks_to_judge(message)
