"""Counts of what is in a reply, faults of a count, and the form of a reply as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field, model_validator

from prefline.config.section import Section
from prefline.verifiers.json_schema import parse_json
from prefline.verifiers.verifier import without_fence

# Each of these takes time linear in the reply: no two repeats that match the same characters meet.
# The full stop after an initial, as in J. R. R. Tolkien, ends no sentence.
_SENTENCE_END = re.compile(r"(?<![.!?])(?:(?<!\b[A-Z])\.|[!?])[.!?]*+[\"'”’)]*+(?:\s|\Z)")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_BLANK_LINE = re.compile(r"\n\s*\n")
_BULLET = re.compile(r"^[^\S\n]*+[-*+\u2022][^\S\n]++\S", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]+\]")
_HIGHLIGHT = re.compile(r"(?<![*\w])(\*{1,2})(?![*\s])[^*\n]+(?<!\s)\1(?![*\w])")
_CAPITALS = re.compile(r"\b[^\W\d_]{2,}\b")
_TITLE = re.compile(r"<<[^<>\n\S]*+[^<>\s][^<>\n]*+>>")
_QUOTES = {'"': '"', "\u201c": "\u201d", "\u00ab": "\u00bb", "\u201e": "\u201c"}
_BREAK = re.compile(r"^[^\S\n]*+\*{6,}+[^\S\n]*+$", re.MULTILINE)


class Frequency(Section):
    """The number of times that something must be there: `min` to `max`; 1 or more by default."""

    of: str = Field(min_length=1)
    min: int | None = Field(None, ge=0)
    max: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _can_be_met(self) -> Frequency:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is more than max {self.max}")
        return self

    def faults(self, count: int) -> Iterator[str]:
        """Yield what is wrong with a count, if anything."""
        least = 1 if self.min is None and self.max is None else self.min
        yield from count_faults(count, f"of {self.of!r}", least, self.max)


def count_faults(count: int, name: str, least: int | None, most: int | None) -> Iterator[str]:
    """Yield what is wrong with a count of something of which `least` to `most` are asked."""
    if least is not None and count < least:
        yield f"{count} {name}, at least {least} asked"
    if most is not None and count > most:
        yield f"{count} {name}, at most {most} asked"


def words(reply: str) -> int:
    """Count words: what stands between white space and has a letter or a digit, so no dash."""
    return sum(_LETTER_OR_DIGIT.search(word) is not None for word in reply.split())


def sentences(reply: str) -> int:
    """Count sentences; a reply without a mark at an end is one."""
    return len(_SENTENCE_END.findall(reply)) or 1


def lines(reply: str) -> int:
    """Count lines that are not empty."""
    return sum(bool(line.strip()) for line in reply.splitlines())


def paragraphs(reply: str) -> list[str]:
    """Return the paragraphs: what stands between empty lines."""
    return [part.strip() for part in _BLANK_LINE.split(reply) if part.strip()]


def bullets(reply: str) -> int:
    """Count lines that begin with -, *, + or a bullet, and white space."""
    return len(_BULLET.findall(reply))


def placeholders(reply: str) -> int:
    """Count placeholders such as [name]."""
    return len(_PLACEHOLDER.findall(reply))


def highlights(reply: str) -> int:
    """Count parts of a line in Markdown's emphasis: *so* or **so**."""
    return len(_HIGHLIGHT.findall(reply))


def capital_words(reply: str) -> int:
    """Count words of two letters and more that are all capitals."""
    return sum(word.isupper() for word in _CAPITALS.findall(reply))


def occurrences(word: str, reply: str) -> int:
    """Count how often a word or phrase stands in the reply as a whole, in any case."""
    return len(re.findall(rf"(?<!\w){re.escape(word)}(?!\w)", reply, re.IGNORECASE))


def letter_count(letter: str, reply: str) -> int:
    """Count how often a letter (or a few in a row) is in the reply, in any case."""
    return reply.casefold().count(letter.casefold())


def has_title(reply: str) -> bool:
    """Return whether it has a title in double angular brackets, such as <<On rain>>."""
    return _TITLE.search(reply) is not None


def is_json(reply: str) -> bool:
    """Return whether it is JSON and nothing else, a code fence around it aside."""
    try:
        parse_json(without_fence(reply))
    except ValueError:
        return False
    return True


def is_quoted(reply: str) -> bool:
    """Return whether all of it stands in double quotation marks."""
    return len(reply) > 1 and _QUOTES.get(reply[0]) == reply[-1]


def answers_of(reply: str) -> list[str]:
    """Return the answers in it, a line of six asterisks between each two."""
    return [part.strip() for part in _BREAK.split(reply) if part.strip()]


def sections(reply: str, word: str) -> int:
    """Count sections that begin with a line such as "Section 1", for the word "Section"."""
    pattern = rf"^[^\w\n]*{re.escape(word)}[^\S\n]+(?:\d+|[IVXLC]+)\b"
    return len(re.findall(pattern, reply, re.IGNORECASE | re.MULTILINE))


def has_postscript(reply: str, mark: str) -> bool:
    """Return whether a line begins with a mark such as P.S. and goes on."""
    pattern = rf"^[^\S\n]*{re.escape(mark)}.*\w"
    return re.search(pattern, reply, re.IGNORECASE | re.MULTILINE) is not None
