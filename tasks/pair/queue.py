"""The review queue: the pairs that people should look at, and the files for review tools."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from prefline.atomic import disk_errors
from prefline.config import PairParams
from prefline.ids import drawn_order, in_random_share, lot
from prefline.tables import REVIEW_QUEUE, table_from_rows
from tasks.pair.formats import argilla, label_studio
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
    categories: Mapping[str, str],
    params: PairParams,
    *,
    n_anchors: float = math.inf,
    budgeted: Collection[str] = (),
) -> list[QueuedPair]:
    """Return the pairs that people should look at, in the order of their ids, which says nothing.

    `pairs` are all pairs with their label on the word of judges alone, kept and rejected;
    `answered` is how many answers a pair has, `categories` are the prompts' by id. A pair
    with `reviewers_per_pair` answers is done. Of the others go in: the random share; those that
    have been begun; those that are `budgeted`, by id; and those of the greatest value, until there
    are `size` beside the random ones. Equal values go by a hash.

    While `n_anchors`, the pairs whose truth was told, are fewer than `anchors_first`, random pairs
    come before all others: judges are measured on them before people look at what is hard. They
    are then at least as many as anchors are missing, drawn by the same hash.
    """
    review = params.review
    missing = math.ceil(max(0.0, review.anchors_first - n_anchors))
    waiting = [
        _queued(pair, answered.get(pair.evidence.pair_id, 0), categories, params)
        for pair in pairs
        if answered.get(pair.evidence.pair_id, 0) < review.reviewers_per_pair
    ]
    waiting = _with_random(waiting, missing, params)
    waiting = [
        replace(one, why="budgeted")
        if one.why not in _ALWAYS and one.pair.evidence.pair_id in budgeted
        else one
        for one in waiting
    ]
    first = [one for one in waiting if one.why in _ALWAYS]
    places = max(review.size - sum(one.why == "begun" for one in first), 0)
    valued = [one for one in waiting if one.value > 0 and one.why not in _ALWAYS]
    valued.sort(key=lambda one: (-one.value, lot("value", params.seed, one.pair.evidence.pair_id)))
    queue = sorted(first + valued[:places], key=lambda one: one.pair.evidence.pair_id)
    return sorted(queue, key=lambda one: one.why != "random") if missing else queue


def _with_random(
    waiting: Sequence[QueuedPair], fewest: int, params: PairParams
) -> list[QueuedPair]:
    """Return the same pairs, at least `fewest` of them random: those next in the random draw."""
    drawn = sorted(waiting, key=lambda one: random_lot(one.pair.evidence.pair_id, params))
    first = {one.pair.evidence.pair_id for one in drawn[:fewest]}
    return [
        replace(one, why="random") if one.pair.evidence.pair_id in first else one for one in waiting
    ]


def random_lot(pair_id: str, params: PairParams) -> float:
    """Return the place of a pair in the draw of random pairs, in [0, 1)."""
    return lot("review", params.seed, pair_id)


def is_random(pair_id: str, params: PairParams) -> bool:
    """Tell whether a pair is of the random share."""
    return in_random_share(pair_id, params.seed, params.review.random_share)


def review_value(pair: LabelledPair, category: str, params: PairParams) -> float:
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


def queue_row(queued: QueuedPair, prompt: Row, responses: Mapping[str, Row]) -> dict[str, Any]:
    """Return a row of the review queue. The order of the answers is drawn by hash."""
    evidence = queued.pair.evidence
    ids = drawn_order(evidence.pair_id, evidence.lower, evidence.upper)
    return {
        "pair_id": evidence.pair_id,
        "prompt_id": evidence.prompt_id,
        "prompt": prompt["messages"],
        "response_a": responses[ids[0]]["text"],
        "response_b": responses[ids[1]]["text"],
        "response_a_id": ids[0],
        "response_b_id": ids[1],
        "why": queued.why,
        "value": queued.value,
        "n_answers": queued.n_answers,
    }


def write_queue(folder: Path, rows: Sequence[Row], reviewers_per_pair: int) -> None:
    """Write the queue as `queue.parquet`, which reviewers do not see, and what they see of it.

    Plain in `queue.jsonl`, for Label Studio in `label_studio.json` with `label_studio.xml`, for
    Argilla in `argilla.jsonl` with `argilla_settings.json`. Raises `DiskFull`.
    """
    shown = [{name: row[name] for name in SHOWN} for row in rows]
    contents = {
        "queue.jsonl": _lines(shown),
        "label_studio.json": orjson.dumps(
            [label_studio.task(row) for row in shown], option=orjson.OPT_INDENT_2
        ),
        "label_studio.xml": label_studio.CONFIG.encode(),
        "argilla.jsonl": _lines([argilla.record(row) for row in shown]),
        "argilla_settings.json": orjson.dumps(
            argilla.settings(reviewers_per_pair), option=orjson.OPT_INDENT_2
        ),
    }
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        queue = table_from_rows(rows, REVIEW_QUEUE)
        pq.write_table(queue, folder / "queue.parquet", compression="zstd")
        for name, content in contents.items():
            (folder / name).write_bytes(content)


def _queued(
    pair: LabelledPair, n_answers: int, categories: Mapping[str, str], params: PairParams
) -> QueuedPair:
    category = categories[pair.evidence.prompt_id]
    value = review_value(pair, category, params)
    return QueuedPair(pair, _why(pair, n_answers, category, params), value, n_answers)


def _why(pair: LabelledPair, n_answers: int, category: str, params: PairParams) -> str:
    if is_random(pair.evidence.pair_id, params):
        return "random"
    if n_answers:
        return "begun"
    if category in params.review.high_stakes:
        return "high_stakes"
    return "judges_disagree" if disagreement(pair) else "uncertain"


def _lines(rows: Sequence[Row]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)
