"""Verifier of IFEval's 25 instructions, by their own names and arguments (Zhou et al. 2023, arXiv
2311.07911), so that rows of that set, and of those made in its manner, are taken as they are."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator

from prefline.filters.language import language_of
from prefline.verifiers import text_measures as measure
from prefline.verifiers.verifier import Check, Verifier

Relation = Literal["less than", "at least"]
Count = Annotated[int, Field(ge=0)]
Words = Annotated[list[str], Field(min_length=1)]
Text = Annotated[str, Field(min_length=1)]
Letter = Annotated[Text, AfterValidator(str.lower)]
Instruction = Callable[..., str | None]
"""Takes the reply and its arguments by name; returns what is wrong, or None."""

_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_WORD = re.compile(r"\w+")
_BULLET = re.compile(r"^[^\S\n]*(?:\*[^*\n]|-)", re.MULTILINE)
_BOLD = re.compile(r"\*\*[^\n*]*\*\*")
_EMPHASIS = re.compile(r"\*[^\n*]*\*")
_PUNCTUATION = ".,?!'\""

INSTRUCTIONS: dict[str, tuple[Instruction, type[BaseModel]]] = {}
"""Each instruction by its name, with the model of its arguments."""


class IFEval(Verifier):
    """Passes if the reply follows all instructions of `instruction_id_list`, each with the
    arguments at its place in `kwargs` (nulls are left out). Sentences, and words in capitals, are
    counted by rules and not by NLTK, and the language is told by fastText and not by langdetect:
    there a reply can be decided otherwise than in the paper."""

    accuracy: ClassVar[float] = 0.9  # an answer can follow every instruction and say nothing

    kind: Literal["ifeval"]
    instruction_id_list: tuple[str, ...] = Field(min_length=1)
    kwargs: tuple[dict[str, Any], ...] = ()

    @model_validator(mode="after")
    def _are_known(self) -> Self:
        if self.kwargs and len(self.kwargs) != len(self.instruction_id_list):
            raise ValueError("kwargs: give one object for each instruction, {} for none")
        for name, arguments in zip(self.instruction_id_list, self._kwargs(), strict=True):
            if name not in INSTRUCTIONS:
                near = difflib.get_close_matches(name, INSTRUCTIONS, 1, 0.5)
                raise ValueError(
                    f"unknown {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
                )
            INSTRUCTIONS[name][1].model_validate(arguments)
        return self

    def check(self, text: str) -> Check:
        """Look for the first instruction that is not followed. An empty reply follows none."""
        if not text.strip():
            return Check(passed=False, why="is empty")
        for name, arguments in zip(self.instruction_id_list, self._kwargs(), strict=True):
            follows, model = INSTRUCTIONS[name]
            fault = follows(text, **dict(model.model_validate(arguments)))
            if fault is not None:
                return Check(passed=False, why=f"{name}: {fault}")
        return Check(passed=True, why="follows every instruction")

    def _kwargs(self) -> list[dict[str, Any]]:
        given = self.kwargs or ({},) * len(self.instruction_id_list)
        return [{k: v for k, v in one.items() if v is not None} for one in given]


def _instruction(name: str) -> Callable[[Instruction], Instruction]:
    """Declare an instruction: its arguments are those of the function after the reply."""

    def declare(function: Instruction) -> Instruction:
        signature = inspect.signature(function, eval_str=True)
        fields: Mapping[str, Any] = {
            argument.name: (
                argument.annotation,
                ... if argument.default is inspect.Parameter.empty else argument.default,
            )
            for argument in list(signature.parameters.values())[1:]
        }
        # Rows of the set give an instruction nothing but its own arguments, once nulls are gone.
        model = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
        INSTRUCTIONS[name] = function, model
        return function

    return declare


def _compared(count: int, relation: Relation, number: int, what: str) -> str | None:
    holds = count < number if relation == "less than" else count >= number
    return None if holds else f"{count} {what}, {relation} {number} asked"


@_instruction("keywords:existence")
def _existence(reply: str, *, keywords: Words) -> str | None:
    lowered = reply.lower()
    return next((f"lacks {word!r}" for word in keywords if word.lower() not in lowered), None)


@_instruction("keywords:frequency")
def _frequency(reply: str, *, keyword: Text, frequency: Count, relation: Relation) -> str | None:
    count = reply.lower().count(keyword.strip().lower())
    return _compared(count, relation, frequency, f"of {keyword!r}")


@_instruction("keywords:forbidden_words")
def _forbidden(reply: str, *, forbidden_words: Words) -> str | None:
    named = (f"has {word!r}" for word in forbidden_words if measure.occurrences(word, reply))
    return next(named, None)


@_instruction("keywords:letter_frequency")
def _letters(
    reply: str, *, letter: Letter, let_frequency: Count, let_relation: Relation
) -> str | None:
    return _compared(reply.lower().count(letter), let_relation, let_frequency, f"of {letter!r}")


@_instruction("language:response_language")
def _language(reply: str, *, language: Text) -> str | None:
    found = language_of(reply)
    return None if found == language else f"is in {found or 'no known language'}, not {language}"


@_instruction("length_constraints:number_sentences")
def _sentences(reply: str, *, num_sentences: Count, relation: Relation) -> str | None:
    return _compared(measure.sentences(reply), relation, num_sentences, "sentences")


@_instruction("length_constraints:number_paragraphs")
def _paragraphs(reply: str, *, num_paragraphs: Count) -> str | None:
    """Paragraphs, three asterisks between each two."""
    return _parts_fault([part.strip() for part in reply.split("***")], num_paragraphs, "paragraphs")


@_instruction("length_constraints:number_words")
def _words(reply: str, *, num_words: Count, relation: Relation) -> str | None:
    return _compared(len(_WORD.findall(reply)), relation, num_words, "words")


@_instruction("length_constraints:nth_paragraph_first_word")
def _first_word(
    reply: str,
    *,
    num_paragraphs: Count,
    nth_paragraph: Annotated[int, Field(ge=1)],
    first_word: Text,
) -> str | None:
    """Paragraphs, an empty line between each two; one word of one of them."""
    paragraphs = reply.split("\n\n")
    count = sum(bool(part.strip()) for part in paragraphs)
    if count != num_paragraphs:
        return f"{count} paragraphs, {num_paragraphs} asked"
    nth = paragraphs[nth_paragraph - 1].strip() if nth_paragraph <= len(paragraphs) else ""
    word = (nth.split() or [""])[0].strip(_PUNCTUATION).lower()
    asked = first_word.lower()
    return (
        None if word == asked else f"paragraph {nth_paragraph} begins with {word!r}, not {asked!r}"
    )


@_instruction("detectable_content:number_placeholders")
def _placeholders(reply: str, *, num_placeholders: Count) -> str | None:
    count = 0
    for line in reply.split("\n"):
        start = line.find("[")
        while start >= 0 and (end := line.find("]", start)) >= 0:
            count += 1
            start = line.find("[", end)
    return _compared(count, "at least", num_placeholders, "placeholders")


@_instruction("detectable_content:postscript")
def _postscript(reply: str, *, postscript_marker: Text) -> str | None:
    letters = {"P.P.S": "pps", "P.S.": "ps"}.get(postscript_marker)
    pattern = r"\.\s?".join(letters) if letters else re.escape(postscript_marker)
    if postscript_marker == "P.S.":
        pattern += r"\."
    found = re.search(pattern, reply, re.IGNORECASE)
    return None if found else f"has no {postscript_marker!r}"


@_instruction("detectable_format:number_bullet_lists")
def _bullets(reply: str, *, num_bullets: Count) -> str | None:
    count = len(_BULLET.findall(reply))
    return None if count == num_bullets else f"{count} bullet points, {num_bullets} asked"


@_instruction("detectable_format:constrained_response")
def _constrained(reply: str) -> str | None:
    return None if any(answer in reply for answer in _ANSWERS) else "is none of the three answers"


@_instruction("detectable_format:number_highlighted_sections")
def _highlights(reply: str, *, num_highlights: Count) -> str | None:
    count = sum(bool(part.strip("*").strip()) for part in _EMPHASIS.findall(reply))
    count += sum(bool(part.strip("*").strip()) for part in _BOLD.findall(reply))
    return _compared(count, "at least", num_highlights, "highlighted parts")


@_instruction("detectable_format:multiple_sections")
def _sections(reply: str, *, section_spliter: Text, num_sections: Count) -> str | None:
    count = len(re.findall(rf"{re.escape(section_spliter)}\s?\d", reply))
    return _compared(count, "at least", num_sections, "sections")


@_instruction("detectable_format:json_format")
def _json(reply: str) -> str | None:
    return None if measure.is_json(reply) else "is not JSON alone"


@_instruction("detectable_format:title")
def _title(reply: str) -> str | None:
    return None if measure.has_title(reply) else "has no title in << >>"


@_instruction("combination:two_responses")
def _two(reply: str) -> str | None:
    """Two responses that differ, six asterisks between them."""
    parts = [part.strip() for part in reply.split("******")]
    fault = _parts_fault(parts, 2, "responses")
    if fault is None and len(set(filter(None, parts))) < len([*filter(None, parts)]):
        return "gives the same response twice"
    return fault


@_instruction("combination:repeat_prompt")
def _repeat(reply: str, *, prompt_to_repeat: Text) -> str | None:
    repeats = reply.strip().lower().startswith(prompt_to_repeat.strip().lower())
    return None if repeats else "does not begin with the request"


@_instruction("startend:end_checker")
def _end(reply: str, *, end_phrase: Text) -> str | None:
    ends = reply.strip().strip('"').lower().endswith(end_phrase.strip().lower())
    return None if ends else f"does not end with {end_phrase!r}"


@_instruction("change_case:capital_word_frequency")
def _capital_words(
    reply: str, *, capital_frequency: Count, capital_relation: Relation
) -> str | None:
    count = sum(word.isupper() for word in re.findall(r"[\w'-]+", reply))
    return _compared(count, capital_relation, capital_frequency, "words in capitals")


@_instruction("change_case:english_capital")
def _capital(reply: str) -> str | None:
    return _language(reply, language="en") if reply.isupper() else "is not all upper case"


@_instruction("change_case:english_lowercase")
def _lowercase(reply: str) -> str | None:
    return _language(reply, language="en") if reply.islower() else "is not all lower case"


@_instruction("punctuation:no_comma")
def _no_comma(reply: str) -> str | None:
    return "has a comma" if "," in reply else None


@_instruction("startend:quotation")
def _quotation(reply: str) -> str | None:
    text = reply.strip()
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return None if quoted else "is not in double quotation marks"


def _parts_fault(parts: list[str], number: int, what: str) -> str | None:
    """Return what is wrong with parts, of which the first and the last may be empty."""
    if not all(parts[1:-1]):
        return f"has an empty part between {what}"
    count = len([*filter(None, parts)])
    return None if count == number else f"{count} {what}, {number} asked"
