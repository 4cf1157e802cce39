"""The review queue: the pairs that people should look at, and the files for review tools."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.atomic import disk_errors
from prefline.config import PairParams
from prefline.ids import drawn_order, in_random_share, lot
from prefline.tables import REVIEW_QUEUE, table_from_rows
from prefline.tables.messages import message_from_row, parts_of, uses_tools
from prefline.tables.parts import ROWS_PER_GROUP
from prefline.tables.shards import shards
from tasks.pair.formats import argilla, label_studio
from tasks.pair.judged import JudgedPair
from tasks.pair.labels import LabelledPair, disagreement

Row = Mapping[str, Any]

# All that a reviewer may see: neither model nor judge, nor why the pair was chosen.
SHOWN = ("pair_id", "prompt", "response_a", "response_b", "response_a_id", "response_b_id")
_ALWAYS = ("random", "begun", "budgeted")  # in the queue whatever their value
_DIGITS = 9  # beyond them machines differ
_DISCOUNT = 0.5  # how much of the disagreement of judges is held against a label


@dataclass(frozen=True, slots=True)
class QueuedPair:
    """A pair for people: `why` it is there, what an answer is worth (`value`), and how many
    answers it has."""

    pair: LabelledPair
    why: str
    value: float
    n_answers: int


def draw_queue(
    pairs: Iterable[LabelledPair],
    answered: Mapping[str, int],
    params: PairParams,
    *,
    n_anchors: float = math.inf,
    budgeted: Collection[str] = (),
) -> list[QueuedPair]:
    """Return the pairs that people should look at, in the order of their ids, which says nothing.

    `pairs` are all pairs with their label on the word of judges alone, kept and rejected, of which
    no more are held than may go in; `answered` is how many answers a pair has. A pair with
    `reviewers_per_pair` answers is done. Of the others go in: the random share; those that have
    been begun; those that are `budgeted`, by id; and those of the greatest value, until there
    are `size` beside the random ones. Equal values go by a hash.

    While `n_anchors`, the pairs whose truth was told, are fewer than `anchors_first`, random pairs
    come before all others: judges are measured on them before people look at what is hard. They
    are then at least as many as anchors are missing, drawn by the same hash.
    """
    review = params.review
    missing = math.ceil(max(0.0, review.anchors_first - n_anchors))
    always, first = list[QueuedPair](), _Least(missing)
    valued = _Least(review.size + missing)
    for pair in pairs:
        identity = pair.evidence.pair_id
        n_answers = answered.get(identity, 0)
        if n_answers >= review.reviewers_per_pair:
            continue
        draw = random_lot(identity, params)
        value = review_value(pair, pair.evidence.category, params)
        why = "random" if draw < review.random_share else _why(pair, n_answers, params)
        if why not in _ALWAYS and identity in budgeted:
            why = "budgeted"
        queued = QueuedPair(pair, why, value, n_answers)
        first.offer((draw,), queued)
        if why in _ALWAYS:
            always.append(queued)
        elif value > 0 and valued.admits((-value,)):
            valued.offer((-value, lot("value", params.seed, identity)), queued)
    random = {one.pair.evidence.pair_id: replace(one, why="random") for one in first}
    always = [one for one in always if one.pair.evidence.pair_id not in random]
    places = max(review.size - sum(one.why == "begun" for one in always), 0)
    worth = [one for one in valued if one.pair.evidence.pair_id not in random]
    chosen = [*random.values(), *always, *worth[:places]]
    queue = sorted(chosen, key=lambda one: one.pair.evidence.pair_id)
    return sorted(queue, key=lambda one: one.why != "random") if missing else queue


class _Least:
    """The pairs of the least keys, in the order of these and then of their coming, of all that are
    offered."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: list[tuple[tuple[float, ...], int, QueuedPair]] = []
        self._worst: tuple[float, ...] | None = None
        self._count = 0

    def admits(self, key: tuple[float, ...]) -> bool:
        """Tell whether a pair whose key begins so may be among them."""
        return self._worst is None or key <= self._worst[: len(key)]

    def offer(self, key: tuple[float, ...], pair: QueuedPair) -> None:
        """Keep a pair if it is among them."""
        if not self._size or not self.admits(key):
            return
        self._kept.append((key, self._count, pair))
        self._count += 1
        if len(self._kept) >= 2 * self._size + 100:
            self._prune()

    def __iter__(self) -> Iterator[QueuedPair]:
        self._prune()
        return (pair for _, _, pair in self._kept)

    def _prune(self) -> None:
        self._kept.sort(key=lambda one: one[:2])
        del self._kept[self._size :]
        if self._size and len(self._kept) == self._size:
            self._worst = self._kept[-1][0]


def random_lot(pair_id: str, params: PairParams) -> float:
    """Return the place of a pair in the draw of random pairs, in [0, 1)."""
    return lot("review", params.seed, pair_id)


def is_random(pair_id: str, params: PairParams) -> bool:
    """Tell whether a pair is of the random share."""
    return in_random_share(pair_id, params.seed, params.review.random_share)


def review_value(pair: LabelledPair, category: str | None, params: PairParams) -> float:
    """Return the error that one answer is expected to take off the pair's label, by its stakes.

        value = stakes max(0, (1 - p) - (1 - h)) = stakes max(0, h - p)

    After an answer the label is people's, right with h = `human_accuracy`; before it is right
    with p = p_chosen, which is taken with care: averaged over the standard error s of its
    log-odds m, sigma(m / sqrt(1 + pi s^2 / 8)) (MacKay 1992), and then brought towards one half
    by half the share of the model judges that name the other response. (The label model has
    counted them already; this is for where it is wrong, as docs/reviews.md measures.) `stakes` is
    `high_stakes_weight` in the categories `high_stakes`, else 1. A tie is worth nothing: people
    are expected to see one too.
    """
    if pair.reason == "tie":
        return 0.0
    review = params.review
    log_odds = math.log(pair.p_chosen / (1 - pair.p_chosen))
    error = 0.0 if pair.anchored else pair.log_odds_se
    averaged = 1 / (1 + math.exp(-log_odds / math.sqrt(1 + math.pi * error**2 / 8)))
    p = averaged - _DISCOUNT * disagreement(pair) * (averaged - 0.5)
    stakes = review.high_stakes_weight if category in review.high_stakes else 1.0
    return round(stakes * max(0.0, review.human_accuracy - p), _DIGITS)


def queue_row(queued: QueuedPair, messages: Any, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return a row of the review queue; `messages` are the prompt's, `texts` responses' by id.

    The order of the answers is drawn by hash.
    """
    evidence = queued.pair.evidence
    ids = shown_order(evidence)
    return {
        "pair_id": evidence.pair_id,
        "prompt_id": evidence.prompt_id,
        "prompt": messages,
        "response_a": texts[ids[0]],
        "response_b": texts[ids[1]],
        "response_a_id": ids[0],
        "response_b_id": ids[1],
        "why": queued.why,
        "value": queued.value,
        "n_answers": queued.n_answers,
    }


def write_queue(
    folder: Path, rows: Iterable[Row], reviewers_per_pair: int, schema: pa.Schema = REVIEW_QUEUE
) -> None:
    """Write the queue as `queue.parquet`, which reviewers do not see, and what they see of it.

    Plain in `queue.jsonl`, for Label Studio in `label_studio.json` with `label_studio.xml`, for
    Argilla in `argilla.jsonl` with `argilla_settings.json`. Rows are written as they come; with
    turns if `schema` has them. Raises `DiskFull`.
    """
    with disk_errors(folder), ExitStack() as files:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "label_studio.xml").write_text(label_studio.CONFIG, encoding="utf-8")
        (folder / "argilla_settings.json").write_bytes(
            orjson.dumps(argilla.settings(reviewers_per_pair), option=orjson.OPT_INDENT_2)
        )
        plain, tasks, records = (
            files.enter_context((folder / name).open("wb"))
            for name in ("queue.jsonl", "label_studio.json", "argilla.jsonl")
        )
        table = files.enter_context(
            pq.ParquetWriter(folder / "queue.parquet", schema, compression="zstd")
        )
        between = b"[\n"
        for some in shards(rows, ROWS_PER_GROUP):
            group = list(some)
            table.write_table(table_from_rows(group, schema))
            for row in group:
                shown = {name: row[name] for name in SHOWN} | {"prompt": _shown_prompt(row)}
                plain.write(orjson.dumps(shown) + b"\n")
                task = orjson.dumps(label_studio.task(shown), option=orjson.OPT_INDENT_2)
                tasks.write(between + b"  " + task.replace(b"\n", b"\n  "))
                records.write(orjson.dumps(argilla.record(shown)) + b"\n")
                between = b",\n"
        if between == b"[\n":
            table.write_table(schema.empty_table())
            tasks.write(b"[]")
        else:
            tasks.write(b"\n]")


def _shown_prompt(row: Row) -> list[Any]:
    """Return the prompt's messages; of one with tools its parts, so that any tool shows them."""
    messages = [message_from_row(turn) for turn in row["prompt"]]
    if row.get("tools") is None and not uses_tools(messages):
        return list(messages)
    return [{"role": name, "content": text} for name, text in parts_of(messages, row.get("tools"))]


def shown_order(pair: JudgedPair) -> tuple[str, str]:
    """Return the ids of a pair's responses in the order in which people see them."""
    return drawn_order(pair.pair_id, pair.lower, pair.upper)


def _why(pair: LabelledPair, n_answers: int, params: PairParams) -> str:
    if n_answers:
        return "begun"
    if pair.evidence.category in params.review.high_stakes:
        return "high_stakes"
    return "judges_disagree" if disagreement(pair) else "uncertain"
