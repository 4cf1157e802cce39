"""What can be counted in a reply, and what is wrong with a count."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field, model_validator

from prefline.config.section import Section

_SENTENCE_END = re.compile(r"[.!?]+(?:[\"'”’)]*)(?:\s|\Z)")
_BLANK_LINE = re.compile(r"\n\s*\n")
_BULLET = re.compile(r"^\s*[-*+\u2022]\s+\S", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]+\]")
_HIGHLIGHT = re.compile(r"(?<![*\w])(\*{1,2})(?![*\s])[^*\n]+(?<!\s)\1(?![*\w])")
_CAPITALS = re.compile(r"\b[^\W\d_]{2,}\b")


class Frequency(Section):
    """How often something must be there: `min` to `max` times; at least once without either."""

    of: str = Field(min_length=1)
    min: int | None = Field(None, ge=0)
    max: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _can_be_met(self) -> Frequency:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is more than max {self.max}")
        return self

    def faults(self, found: int) -> Iterator[str]:
        """What is wrong with a count, if anything."""
        least = 1 if self.min is None and self.max is None else self.min
        yield from count_faults(found, f"of {self.of!r}", least, self.max)


def count_faults(found: int, what: str, least: int | None, most: int | None) -> Iterator[str]:
    """What is wrong with `found` of something of which `least` to `most` are asked."""
    if least is not None and found < least:
        yield f"{found} {what}, at least {least} asked"
    if most is not None and found > most:
        yield f"{found} {what}, at most {most} asked"


def words(reply: str) -> int:
    """Words, split at white space."""
    return len(reply.split())


def sentences(reply: str) -> int:
    """Sentences; a reply without a mark at an end is one."""
    return len(_SENTENCE_END.findall(reply)) or 1


def lines(reply: str) -> int:
    """Lines that are not empty."""
    return sum(bool(line.strip()) for line in reply.splitlines())


def paragraphs(reply: str) -> list[str]:
    """Paragraphs: what stands between empty lines."""
    return [one.strip() for one in _BLANK_LINE.split(reply) if one.strip()]


def bullets(reply: str) -> int:
    """Lines that begin with -, *, + or a bullet, and white space."""
    return len(_BULLET.findall(reply))


def placeholders(reply: str) -> int:
    """Placeholders such as [name]."""
    return len(_PLACEHOLDER.findall(reply))


def highlights(reply: str) -> int:
    """Parts of a line in Markdown's emphasis: *so* or **so**."""
    return len(_HIGHLIGHT.findall(reply))


def capital_words(reply: str) -> int:
    """Words of two letters and more that are all capitals."""
    return sum(word.isupper() for word in _CAPITALS.findall(reply))


def occurrences(word: str, reply: str) -> int:
    """How often a word or phrase stands in the reply as a whole, in any case."""
    return len(re.findall(rf"(?<!\w){re.escape(word)}(?!\w)", reply, re.IGNORECASE))


def letter_count(letter: str, reply: str) -> int:
    """How often a letter (or a few in a row) is in the reply, in any case."""
    return reply.casefold().count(letter.casefold())
