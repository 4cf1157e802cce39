"""Verifier of instructions that can be checked, in the manner of IFEval (Zhou et al. 2023, arXiv
2311.07911)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from prefline.filters.language import language_of
from prefline.verifiers import text_measures as measure
from prefline.verifiers.text_measures import Frequency, count_faults
from prefline.verifiers.verifier import Check, Verifier

_Count = Field(None, ge=1)
_Most = Field(None, ge=0)


class Constraints(Verifier):
    """Passes if all that are given hold. Words are split at white space, and have a letter or a
    digit; `required` and `forbidden` are whole words or phrases in any case; `starts_with` and
    `ends_with` are in any case; `case` is of all letters."""

    accuracy: ClassVar[float] = 0.9  # an answer can meet every constraint and say nothing

    kind: Literal["constraints"]
    min_words: int | None = _Count
    max_words: int | None = _Count
    min_sentences: int | None = _Count
    max_sentences: int | None = _Count
    min_paragraphs: int | None = _Count
    max_paragraphs: int | None = _Count
    lines: int | None = _Count
    max_characters: int | None = _Count
    min_bullets: int | None = _Count
    max_bullets: int | None = _Most
    min_placeholders: int | None = _Count
    min_highlights: int | None = _Count
    min_capital_words: int | None = _Count
    max_capital_words: int | None = _Most
    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    words: tuple[Frequency, ...] = ()
    letters: tuple[Frequency, ...] = ()
    starts_with: str | None = None
    ends_with: str | None = None
    case: Literal["lower", "upper"] | None = None
    commas: Literal[False] | None = None
    title: Literal[True] | None = None
    json_only: Literal[True] | None = None
    quoted: Literal[True] | None = None
    postscript: str | None = Field(None, min_length=1)
    section_word: str | None = Field(None, min_length=1)
    min_sections: int | None = _Count
    paragraph_starts: dict[int, str] = Field(default_factory=dict)
    answers: int | None = Field(None, ge=2)
    language: str | None = Field(None, pattern="^[a-z]{2}$")

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.model_fields_set - {"kind"}:
            raise ValueError("names no constraint")
        if (self.section_word is None) != (self.min_sections is None):
            raise ValueError("section_word and min_sections go together")
        if any(number < 1 for number in self.paragraph_starts):
            raise ValueError("paragraph_starts: paragraphs are counted from 1")
        return self

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        for unit in ("words", "sentences", "paragraphs", "bullets", "capital_words"):
            least, most = getattr(self, f"min_{unit}"), getattr(self, f"max_{unit}")
            if least is not None and most is not None and least > most:
                raise ValueError(f"min_{unit} {least} is more than max_{unit} {most}")
        return self

    def check(self, text: str) -> Check:
        """Look for the first constraint that does not hold. An empty reply meets none."""
        reply = text.strip()
        fault = next(self._faults(reply), None) if reply else "is empty"
        return Check(passed=fault is None, why=fault or "meets every constraint")

    def _faults(self, reply: str) -> Iterator[str]:
        yield from self._length_faults(reply)
        yield from self._word_faults(reply)
        yield from self._edge_faults(reply.casefold())
        if self.case and reply != getattr(reply, self.case)():
            yield f"is not all {self.case} case"
        yield from self._form_faults(reply)
        yield from self._language_faults(reply)

    def _length_faults(self, reply: str) -> Iterator[str]:
        yield from count_faults(measure.words(reply), "words", self.min_words, self.max_words)
        sentences = measure.sentences(reply)
        yield from count_faults(sentences, "sentences", self.min_sentences, self.max_sentences)
        yield from count_faults(measure.lines(reply), "lines", self.lines, self.lines)
        yield from count_faults(len(reply), "characters", None, self.max_characters)
        paragraphs = len(measure.paragraphs(reply))
        yield from count_faults(paragraphs, "paragraphs", self.min_paragraphs, self.max_paragraphs)
        bullets = measure.bullets(reply)
        yield from count_faults(bullets, "bullets", self.min_bullets, self.max_bullets)
        shouted = measure.capital_words(reply)
        yield from count_faults(
            shouted, "words in capitals", self.min_capital_words, self.max_capital_words
        )
        placeholders = measure.placeholders(reply)
        yield from count_faults(placeholders, "placeholders", self.min_placeholders, None)
        highlights = measure.highlights(reply)
        yield from count_faults(highlights, "highlighted parts", self.min_highlights, None)

    def _word_faults(self, reply: str) -> Iterator[str]:
        count = measure.occurrences
        yield from (f"lacks {word!r}" for word in self.required if not count(word, reply))
        yield from (f"has {word!r}" for word in self.forbidden if count(word, reply))
        for word in self.words:
            yield from word.faults(count(word.of, reply))
        for letter in self.letters:
            yield from letter.faults(measure.letter_count(letter.of, reply))
        if self.commas is False and "," in reply:
            yield "has a comma"

    def _edge_faults(self, reply: str) -> Iterator[str]:
        if self.starts_with and not reply.startswith(self.starts_with.casefold()):
            yield f"does not start with {self.starts_with!r}"
        if self.ends_with and not reply.endswith(self.ends_with.casefold()):
            yield f"does not end with {self.ends_with!r}"
        paragraphs = measure.paragraphs(reply) if self.paragraph_starts else []
        for number, word in self.paragraph_starts.items():
            paragraph = paragraphs[number - 1] if number <= len(paragraphs) else ""
            if not measure.occurrences(word, paragraph[: len(word) + 1]):
                yield f"paragraph {number} does not start with {word!r}"

    def _form_faults(self, reply: str) -> Iterator[str]:
        if self.title and not measure.has_title(reply):
            yield "has no title in << >>"
        if self.json_only and not measure.is_json(reply):
            yield "is not JSON alone"
        if self.quoted and not measure.is_quoted(reply):
            yield "is not in double quotation marks"
        if self.postscript and not measure.has_postscript(reply, self.postscript):
            yield f"has no line that begins with {self.postscript!r}"
        if self.section_word:
            sections = measure.sections(reply, self.section_word)
            yield from count_faults(sections, "sections", self.min_sections, None)
        if self.answers:
            answers = measure.answers_of(reply)
            yield from count_faults(len(answers), "answers", self.answers, self.answers)
            if len(set(answers)) < len(answers):
                yield "gives the same answer twice"

    def _language_faults(self, reply: str) -> Iterator[str]:
        if self.language is None:
            return
        language = language_of(reply)
        if language != self.language:
            yield f"is in the language {language or 'unknown'}, not {self.language}"
