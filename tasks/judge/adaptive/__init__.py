"""Adaptive judging: ask further only where a pair's label is open and an answer could change it."""

from tasks.judge.adaptive.questions import (
    AdaptivePlan,
    History,
    Question,
    Tier,
    questions_of,
    tier_of,
)
from tasks.judge.adaptive.selection import left_to_people, next_batch

__all__ = [
    "AdaptivePlan",
    "History",
    "Question",
    "Tier",
    "left_to_people",
    "next_batch",
    "questions_of",
    "tier_of",
]
