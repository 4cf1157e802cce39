"""From judgments to preferences: weigh, decide, and ask people where their word is worth most."""

from tasks.pair.label import label_pairs
from tasks.pair.metrics import pair_metrics
from tasks.pair.review import draw_queue, queue_row, read_answers, warnings_of, write_queue
from tasks.pair.rows import preference_row, rejection_of

__all__ = [
    "draw_queue",
    "label_pairs",
    "pair_metrics",
    "preference_row",
    "queue_row",
    "read_answers",
    "rejection_of",
    "warnings_of",
    "write_queue",
]
