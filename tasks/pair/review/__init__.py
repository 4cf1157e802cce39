"""Human review: which pairs go to people, in which files, and what they answered."""

from tasks.pair.review.answer import Answers
from tasks.pair.review.answers import Reviews, read_answers, settle
from tasks.pair.review.files import queue_row, write_queue
from tasks.pair.review.queue import Queued, draw_queue, is_random
from tasks.pair.review.warnings import warnings_of

__all__ = [
    "Answers",
    "Queued",
    "Reviews",
    "draw_queue",
    "is_random",
    "queue_row",
    "read_answers",
    "settle",
    "warnings_of",
    "write_queue",
]
