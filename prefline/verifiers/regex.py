"""A pattern."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import field_validator

from prefline.config.section import Section
from prefline.verifiers.check import Check, excerpt

_LONGEST = 10_000  # characters looked at: a bound on what a slow pattern can cost


class Regex(Section):
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
