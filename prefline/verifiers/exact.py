"""The whole reply is one of the answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from prefline.config.section import Section
from prefline.verifiers.check import Check, excerpt, normalise


class Exact(Section):
    """Passes if the reply, quotes, emphasis and a final full stop aside, is an answer."""

    kind: Literal["exact"]
    answers: tuple[str, ...] = Field(min_length=1)
    ignore_case: bool = True

    def check(self, text: str) -> Check:
        """Compare with each answer."""
        given, answers = normalise(text), [normalise(answer) for answer in self.answers]
        if self.ignore_case:
            given, answers = given.casefold(), [answer.casefold() for answer in answers]
        if given in answers:
            return Check(passed=True, why=f"is {excerpt(self.answers[answers.index(given)])}")
        return Check(passed=False, why=f"expected {excerpt(self.answers[0])}, got {excerpt(text)}")
