"""Verifiers of a reply against an answer, a number, a pattern or a JSON schema."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from pydantic import Field, field_validator

from prefline.verifiers.verifier import Check, Verifier, excerpt, normalise, without_fence

# A minus sign belongs to a number only where it cannot be a range or a subtraction.
_NUMBER = re.compile(r"(?<![\w.])[-\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w])")
_LONGEST = 10_000  # characters looked at: a bound on what a slow pattern can cost


class Exact(Verifier):
    """Passes if the reply, quotes, emphasis and a final full stop aside, is an answer."""

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
    """Passes if the last number in the reply is `value`, give or take `tolerance`.

    The last one counts, as in grading by final answer (GSM8K, Cobbe et al. 2021,
    arXiv 2110.14168): what comes before is how the model got there.
    """

    kind: Literal["numeric"]
    value: float
    tolerance: float = Field(0.0, ge=0)

    def check(self, text: str) -> Check:
        """Compare the last number."""
        numbers = _NUMBER.findall(text)
        if not numbers:
            return Check(passed=False, why=f"expected {self.value:g}, there is no number")
        last = float(numbers[-1].replace(",", "").replace("\u2212", "-"))
        if abs(last - self.value) <= self.tolerance:
            return Check(passed=True, why=f"last number is {last:g}")
        return Check(passed=False, why=f"expected {self.value:g}, last number is {last:g}")


class Regex(Verifier):
    """Passes if the reply matches `pattern`: all of it (`full`), or some part of it."""

    kind: Literal["regex"]
    pattern: str
    full: bool = True
    ignore_case: bool = False

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return pattern

    def check(self, text: str) -> Check:
        """Match the reply, white space around it aside."""
        pattern = re.compile(self.pattern, re.IGNORECASE if self.ignore_case else 0)
        reply = text.strip()[:_LONGEST]
        if pattern.fullmatch(reply) if self.full else pattern.search(reply):
            return Check(passed=True, why="matches")
        return Check(passed=False, why=f"{excerpt(text)} does not match {self.pattern}")


class JsonSchema(Verifier):
    """Passes if the reply, a code fence around it aside, is JSON valid under `json_schema`."""

    kind: Literal["json_schema"]
    json_schema: dict[str, Any]

    @field_validator("json_schema")
    @classmethod
    def _is_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        import jsonschema

        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise ValueError(f"is no JSON schema: {error.message}") from error
        return schema

    def check(self, text: str) -> Check:
        """Parse and validate; the first fault, in the order of the schema, is the reason."""
        import jsonschema

        try:
            content = json.loads(without_fence(text))
        except (json.JSONDecodeError, RecursionError) as error:
            return Check(passed=False, why=f"is not JSON: {error}")
        validator = jsonschema.Draft202012Validator(self.json_schema)
        fault = next(validator.iter_errors(content), None)
        if fault is None:
            return Check(passed=True, why="is JSON under the schema")
        return Check(passed=False, why=f"{fault.json_path}: {fault.message[:80]}")
