"""From judgments to preferences: label pairs, apply what people say, and ask people next.

judged.py       what was said of each pair, out of core
labels.py       pairs with their labels
write.py        labels as preferences with their texts, rejections, and rows of the queue
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
from tasks.pair.answers import read_answers, review_warnings
from tasks.pair.judged import open_pairs
from tasks.pair.labels import answer_rows, human_judges, label_pairs, without_label
from tasks.pair.metrics import pair_metrics
from tasks.pair.queue import draw_queue, write_queue
from tasks.pair.write import queue_rows, write_labels, write_pair_rejections, write_preferences

__all__ = [
    "anchor_rows",
    "answer_rows",
    "draw_queue",
    "human_judges",
    "label_pairs",
    "open_pairs",
    "pair_metrics",
    "queue_rows",
    "read_answers",
    "review_warnings",
    "without_label",
    "write_labels",
    "write_pair_rejections",
    "write_preferences",
    "write_queue",
]
