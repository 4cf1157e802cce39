"""From judgments to preferences: label pairs, apply what people say, and ask people next.

labels.py       pairs with their labels, as rows of preferences or rejections
consensus.py    what several reviewers say together, and how right each is
answers.py      people's answers, read from files and aggregated
formats/        the formats of review tools
queue.py        which pairs people should look at next, and the files that show them
metrics.py      the stage's figures, the labels against people among them
"""

from tasks.pair.answers import read_answers, review_warnings
from tasks.pair.labels import label_pairs, pair_rejection, preference_row
from tasks.pair.metrics import pair_metrics
from tasks.pair.queue import draw_queue, queue_row, write_queue

__all__ = [
    "draw_queue",
    "label_pairs",
    "pair_metrics",
    "pair_rejection",
    "preference_row",
    "queue_row",
    "read_answers",
    "review_warnings",
    "write_queue",
]
