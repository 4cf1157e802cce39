"""Which format a row of a review file is in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from prefline.errors import InputError
from tasks.pair.review import argilla, label_studio, plain
from tasks.pair.review.answer import Answers


class _Format(Protocol):
    """A module that says whether a row is its own, and reads it."""

    def is_mine(self, row: Mapping[str, Any]) -> bool: ...

    def parse(self, row: Mapping[str, Any], place: str) -> Answers: ...


_FORMATS: tuple[_Format, ...] = (plain, label_studio, argilla)


def parse_row(row: Mapping[str, Any], place: str) -> Answers:
    """The answers in one row. Raises `InputError` for a row of no known format."""
    for one in _FORMATS:
        if one.is_mine(row):
            return one.parse(row, place)
    raise InputError(
        f"{place}: fields {', '.join(sorted(row)) or '(none)'} are of no known format",
        "give our own rows {pair_id, reviewer, preferred_id, other_id}, Label Studio's JSON "
        "export (not JSON-MIN), or Argilla's records; docs/reviews.md has an example of each",
    )
