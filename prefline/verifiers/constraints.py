"""Instructions that can be counted, in the manner of IFEval (Zhou et al. 2023, 2311.07911)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from prefline.params.section import Section
from prefline.verifiers.check import Check

_SENTENCE_END = re.compile(r"[.!?]+(?:[\"'”’)]*)(?:\s|\Z)")


class Constraints(Section):
    """Passes if all that are given hold. Words are split at white space; `required` and
    `forbidden` are whole words or phrases in any case; `starts_with` and `ends_with` are in
    any case; `case` is of all letters."""

    kind: Literal["constraints"]
    min_words: int | None = Field(None, ge=1)
    max_words: int | None = Field(None, ge=1)
    min_sentences: int | None = Field(None, ge=1)
    max_sentences: int | None = Field(None, ge=1)
    lines: int | None = Field(None, ge=1)
    max_characters: int | None = Field(None, ge=1)
    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    starts_with: str | None = None
    ends_with: str | None = None
    case: Literal["lower", "upper"] | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.model_fields_set - {"kind"}:
            raise ValueError("names no constraint")
        return self

    def check(self, text: str) -> Check:
        """Look for the first constraint that does not hold. An empty reply meets none."""
        reply = text.strip()
        fault = next(self._faults(reply), None) if reply else "is empty"
        return Check(passed=fault is None, why=fault or "meets every constraint")

    def _faults(self, reply: str) -> Iterator[str]:
        yield from _count(len(reply.split()), "words", self.min_words, self.max_words)
        sentences = len(_SENTENCE_END.findall(reply)) or 1
        yield from _count(sentences, "sentences", self.min_sentences, self.max_sentences)
        lines = len([line for line in reply.splitlines() if line.strip()])
        yield from _count(lines, "lines", self.lines, self.lines)
        yield from _count(len(reply), "characters", None, self.max_characters)
        yield from (f"lacks {word!r}" for word in self.required if not _holds(word, reply))
        yield from (f"has {word!r}" for word in self.forbidden if _holds(word, reply))
        yield from self._edge_faults(reply.casefold())
        if self.case and reply != getattr(reply, self.case)():
            yield f"is not all {self.case} case"

    def _edge_faults(self, reply: str) -> Iterator[str]:
        if self.starts_with and not reply.startswith(self.starts_with.casefold()):
            yield f"does not start with {self.starts_with!r}"
        if self.ends_with and not reply.endswith(self.ends_with.casefold()):
            yield f"does not end with {self.ends_with!r}"


def _count(found: int, what: str, least: int | None, most: int | None) -> Iterator[str]:
    if least is not None and found < least:
        yield f"{found} {what}, at least {least} asked"
    if most is not None and found > most:
        yield f"{found} {what}, at most {most} asked"


def _holds(word: str, reply: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", reply, re.IGNORECASE) is not None
