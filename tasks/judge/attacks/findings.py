"""The input of a detector of attacks, and its findings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tasks.judge.patterns import PatternFile

Kind = Literal[
    "constant",  # one text for prompts that have nothing to do with each other
    "instruction",  # words to the judge
    "verdict",  # the form in which a judge gives its verdict
    "delimiter",  # a false end of the answer, a false turn, a false second answer
    "invisible",  # what a reader does not see and a model does
    "encoded",  # words to the judge in a code
    "flood",  # padding and lists of praise
    "praise",  # praise of itself in place of an answer
    "off_topic",  # no word in common with the prompt or with any other answer to it
    "echo",  # the prompt again and nothing more
]

_TOPICS = PatternFile("topics")
_SHOWN = 120  # characters of the response that a detail quotes
# What prints nothing: soft hyphen, fillers, zero-width signs, bidi controls, invisible operators,
# variation selectors, tag characters.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_WORD = re.compile(r"\w+")
_PLAIN_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


@dataclass(frozen=True, slots=True)
class Finding:
    """An attack: its kind, and what was found, in words that can be shown."""

    kind: Kind
    detail: str


@dataclass(frozen=True, slots=True)
class Text:
    """A prompt or a response in the forms in which detectors look at it, each made once.

    `raw` as it came; `plain` without invisible characters, NFKC, with straight quotes; `folded`
    in lower case too; `words` the words of `folded` in order, `vocabulary` each once.
    """

    raw: str
    plain: str
    folded: str
    words: list[str]
    vocabulary: frozenset[str]

    @classmethod
    def of(cls, raw: str) -> Text:
        """Return all forms of a text."""
        plain = raw if raw.isascii() else _visible(raw)
        folded = plain.casefold()
        words = _WORD.findall(folded)
        return cls(raw, plain, folded, words, frozenset(words))


# A detector of one kind: the prompt and a response in, a finding or None out.
Detector = Callable[[Text, Text], Finding | None]


def quoted(found: str) -> str:
    """Return the start of what was found, on one line, anything that does not print escaped."""
    line = " ".join(found.split())
    short = line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in short)


def asks_for(prompt: str, *topics: str) -> bool:
    """Return whether a prompt speaks of any of `topics` (`wordlists/topics.yaml`), which makes
    honest what would be an attack elsewhere."""
    return any(_TOPICS[topic].search(prompt) for topic in topics)


def _visible(raw: str) -> str:
    """Return what a reader sees of a text, compatible characters as one (NFKC)."""
    plain = _INVISIBLE.sub("", raw)
    if not unicodedata.is_normalized("NFKC", plain):
        plain = unicodedata.normalize("NFKC", plain)
    return plain.translate(_PLAIN_QUOTES)
