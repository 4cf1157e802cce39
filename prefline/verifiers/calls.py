"""Verifier of calls: which tools a response calls, and with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import orjson
from pydantic import Field

from prefline.tables.messages import CalledFunction, Message, calls_of
from prefline.verifiers.verifier import Check, Verifier


class Called(Verifier):
    """Passes if some call is of the tool `name` with these `arguments`; others may be there, unless
    `exact`. Without a name it passes if no tool is called.

    Numbers are equal by value, texts by letter and case. With `once` there is one such call alone.
    """

    accuracy: ClassVar[float] = 0.95  # what was done with the result is not looked at

    kind: Literal["called"]
    name: str | None = Field(None, min_length=1)
    arguments: dict[str, Any] = Field(default_factory=dict)
    exact: bool = False
    once: bool = False

    def check(self, text: str) -> Check:  # noqa: ARG002 - a text calls nothing
        """Check a response of text alone, which calls nothing."""
        return self.check_turns(())

    def check_turns(self, turns: Sequence[Message]) -> Check:
        """Look for the call among all of the response's."""
        calls = calls_of(turns)
        named = ", ".join(dict.fromkeys(call["name"] for call in calls)) or "nothing"
        if self.name is None:
            return Check(passed=not calls, why=f"calls {named}")
        of_name = [call for call in calls if call["name"] == self.name]
        if not of_name:
            return Check(passed=False, why=f"expected a call of {self.name}, calls {named}")
        faults = [self._fault(call) for call in of_name]
        right = faults.count(None)
        if not right:
            return Check(passed=False, why=f"{self.name}: {faults[0]}")
        if self.once and right > 1:
            return Check(passed=False, why=f"{self.name} is called so {right} times")
        return Check(passed=True, why=f"calls {self.name}")

    def _fault(self, call: CalledFunction) -> str | None:
        arguments = call["arguments"]
        if not isinstance(arguments, Mapping):
            return "its arguments are no JSON object"
        for name, value in self.arguments.items():
            if name not in arguments:
                return f"the argument {name} is missing"
            if not _equal(arguments[name], value):
                return f"{name} is {_shown(arguments[name])}, expected {_shown(value)}"
        more = [name for name in arguments if name not in self.arguments]
        return f"the argument {more[0]} is too many" if self.exact and more else None


def _equal(one: Any, other: Any) -> bool:
    """Compare JSON values; true and 1 are different."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004
