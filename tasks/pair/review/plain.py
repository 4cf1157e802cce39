"""Our own format of answers, one a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.pair.review.answer import Answer, Answers, Id, Moment, Seen, read_as

_REMEDY = (
    "each answer is {pair_id, reviewer, preferred_id, other_id}, all text, with preferred_id "
    '"tie" where neither is better, and if you like answered_at, a time in ISO 8601'
)


class _Row(Seen):
    pair_id: Id
    reviewer: Id
    preferred_id: Id | None
    other_id: Id
    answered_at: Moment | None = None


def is_mine(row: Mapping[str, Any]) -> bool:
    """Whether the row is of this format."""
    return "reviewer" in row or "preferred_id" in row


def parse(row: Mapping[str, Any], place: str) -> Answers:
    """The row's answer; `preferred_id` null is a skipped one. Raises `InputError`."""
    one = read_as(_Row, row, place, _REMEDY)
    if one.preferred_id is None:
        return Answers(skipped=1)
    answer = Answer(
        one.pair_id, one.reviewer, one.preferred_id, one.other_id, place, one.answered_at
    )
    return Answers((answer,))
