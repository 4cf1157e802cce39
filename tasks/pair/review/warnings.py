"""What the run should hear of the reviews that is no fault."""

from __future__ import annotations

from collections.abc import Collection

from prefline.config import ReviewParams
from tasks.pair.review.answers import Reviews

_SHOWN = 10


def warnings_of(reviews: Reviews, categories: Collection[str], review: ReviewParams) -> list[str]:
    """Answers on pairs that are not known, by file and row, and categories that no prompt has."""
    lines = [
        f"{one.place}: pair {one.pair_id} is not among the pairs judged here: the answer of "
        f"{one.reviewer} counts for nothing"
        for one in reviews.unknown[:_SHOWN]
    ]
    if len(reviews.unknown) > _SHOWN:
        lines.append(f"and {len(reviews.unknown) - _SHOWN:,} more answers on unknown pairs")
    lines += [
        f"pair.review.high_stakes names {name!r}, a category that no prompt has"
        for name in review.high_stakes
        if name not in categories
    ]
    return lines
