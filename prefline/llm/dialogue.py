"""Calls that depend on one another: what is asked next follows from what was answered."""

from __future__ import annotations

from collections.abc import Generator
from typing import Generic, TypeVar

from prefline.llm.outcome import Outcome
from prefline.llm.request import Request

T = TypeVar("T")

# Yields requests, is sent the outcome of each, and returns what came of it all.
Steps = Generator[Request, Outcome, T]


class Dialogue(Generic[T]):
    """`Steps` under way: `request` is the one whose outcome they wait for.

    Once `request` is None they have ended, and `result` is what they returned.
    """

    __slots__ = ("_steps", "request", "result")

    request: Request | None
    result: T

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._take(None)

    def hear(self, outcome: Outcome) -> None:
        """Go on with the outcome of `request`."""
        self._take(outcome)

    def _take(self, outcome: Outcome | None) -> None:
        try:
            self.request = self._steps.send(outcome)  # type: ignore[arg-type]  # None: the start
        except StopIteration as end:
            self.request, self.result = None, end.value


Item = Request | Dialogue[object]


def awaited(item: Item) -> Request | None:
    """The request whose outcome an item waits for."""
    return item if isinstance(item, Request) else item.request
