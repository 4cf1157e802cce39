"""From judgments to preferences: weigh, decide, and send the uncertain ones to people."""

from tasks.pair.label import label_pairs
from tasks.pair.metrics import pair_metrics
from tasks.pair.review import draw_queue, queue_row, read_reviews, write_queue
from tasks.pair.rows import preference_row, rejection_of

__all__ = [
    "draw_queue",
    "label_pairs",
    "pair_metrics",
    "preference_row",
    "queue_row",
    "read_reviews",
    "rejection_of",
    "write_queue",
]
