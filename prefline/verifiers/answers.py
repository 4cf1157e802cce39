"""Verifiers of a reply against an answer, a number or a pattern."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from prefline.text import without_surrogates
from prefline.verifiers.patterns import compile_pattern
from prefline.verifiers.verifier import Check, Verifier, excerpt, normalise

# A minus sign belongs to a number only where it cannot be a range or a subtraction.
_NUMBER = re.compile(r"(?<![\w.])[-\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w])")


class Exact(Verifier):
    """Passes if the reply, quotes, emphasis and a final full stop aside, is an answer."""

    accuracy: ClassVar[float] = 0.98  # what is asked for is all that there is to say

    kind: Literal["exact"]
    answers: tuple[str, ...] = Field(min_length=1)
    ignore_case: bool = True

    def check(self, text: str) -> Check:
        """Compare with each answer."""
        reply, answers = normalise(text), [normalise(answer) for answer in self.answers]
        if self.ignore_case:
            reply, answers = reply.casefold(), [answer.casefold() for answer in answers]
        if reply in answers:
            return Check(passed=True, why=f"is {excerpt(self.answers[answers.index(reply)])}")
        return Check(passed=False, why=f"expected {excerpt(self.answers[0])}, got {excerpt(text)}")


class Numeric(Verifier):
    """Passes if the last number in the reply is `value`, give or take `tolerance`; with `shown`,
    the numbers of the question, only if it has no others.

    The last one counts, as in grading by final answer (GSM8K, Cobbe et al. 2021,
    arXiv 2110.14168): what comes before is how the model got there.
    """

    accuracy: ClassVar[float] = 0.97  # what comes before the number is not looked at

    kind: Literal["numeric"]
    value: float
    tolerance: float = Field(0.0, ge=0)
    shown: tuple[float, ...] | None = None

    def check(self, text: str) -> Check:
        """Compare the last number, and where the question's are known the others with them."""
        numbers = [
            float(number.replace(",", "").replace("\u2212", "-"))
            for number in _NUMBER.findall(text)
        ]
        if not numbers:
            return Check(passed=False, why=f"expected {self.value:g}, there is no number")
        if abs(numbers[-1] - self.value) > self.tolerance:
            why = f"expected {self.value:g}, last number is {numbers[-1]:g}"
            return Check(passed=False, why=why)
        known = {*numbers} if self.shown is None else {*self.shown, numbers[-1]}
        strange = next((number for number in numbers if number not in known), None)
        if strange is not None:
            return Check(passed=False, why=f"{strange:g} is neither shown nor the answer")
        return Check(passed=True, why=f"last number is {numbers[-1]:g}")


class Regex(Verifier):
    """Passes if the reply matches `pattern`, in the syntax of RE2: all of it (`full`), or some part
    of it."""

    accuracy: ClassVar[float] = 0.9  # a pattern sees the form, often of a part

    kind: Literal["regex"]
    pattern: str
    full: bool = True
    ignore_case: bool = False

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        compile_pattern(pattern)
        return pattern

    def check(self, text: str) -> Check:
        """Match the reply, white space around it aside."""
        pattern = compile_pattern(self.pattern, ignore_case=self.ignore_case)
        reply = without_surrogates(text.strip())
        if pattern.fullmatch(reply) if self.full else pattern.search(reply):
            return Check(passed=True, why="matches")
        return Check(passed=False, why=f"{excerpt(text)} does not match {self.pattern}")
