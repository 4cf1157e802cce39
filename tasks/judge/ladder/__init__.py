"""Adaptive judging: ask further only where a pair's label is open and an answer could change it."""

from tasks.judge.ladder.questions import (
    History,
    Ladder,
    Question,
    Rung,
    questions_of,
    rung_of,
)
from tasks.judge.ladder.waves import next_wave

__all__ = ["History", "Ladder", "Question", "Rung", "next_wave", "questions_of", "rung_of"]
