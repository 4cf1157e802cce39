"""The formats of review tools: each module tells its rows from others, and reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from prefline.errors import InputError
from tasks.pair.formats import argilla, label_studio, plain
from tasks.pair.formats.plain import Answers


class _Format(Protocol):
    """The functions of a format's module."""

    def matches(self, row: Mapping[str, Any]) -> bool: ...

    def parse(self, row: Mapping[str, Any], place: str) -> Answers: ...


_FORMATS: tuple[_Format, ...] = (plain, label_studio, argilla)


def parse_row(row: Mapping[str, Any], place: str) -> Answers:
    """Return the answers in one row. Raises `InputError` for a row of no known format."""
    for review_format in _FORMATS:
        if review_format.matches(row):
            return review_format.parse(row, place)
    raise InputError(
        f"{place}: fields {', '.join(sorted(row)) or '(none)'} are of no known format",
        "give our own rows {pair_id, reviewer, preferred_id, other_id}, Label Studio's JSON "
        "export (not JSON-MIN), or Argilla's records; docs/reviews.md has an example of each",
    )
