"""From judgments to preferences: label pairs, apply what people say, and ask people next.

labels.py       pairs with their labels, as rows of preferences or rejections
verifier_accuracy.py  how right each kind of verifier is
consensus.py    what several reviewers say together, and how right each is
answers.py      people's answers, read from files and aggregated
formats/        the formats of review tools
anchors.py      the anchors beside the labels that they did not teach
queue.py        which pairs people should look at next, and the files that show them
relabel.py      what if: an old version labelled again
metrics.py      the stage's figures, the labels against people among them
"""

from tasks.pair.anchors import anchor_rows
from tasks.pair.answers import pairs_of, read_answers, review_warnings
from tasks.pair.labels import (
    answer_rows,
    human_judges,
    label_pairs,
    pair_rejection,
    preference_row,
    without_label,
)
from tasks.pair.metrics import pair_metrics
from tasks.pair.queue import draw_queue, queue_row, write_queue
from tasks.pair.verifier_accuracy import verifier_kinds

__all__ = [
    "anchor_rows",
    "answer_rows",
    "draw_queue",
    "human_judges",
    "label_pairs",
    "pair_metrics",
    "pair_rejection",
    "pairs_of",
    "preference_row",
    "queue_row",
    "read_answers",
    "review_warnings",
    "verifier_kinds",
    "without_label",
    "write_queue",
]
