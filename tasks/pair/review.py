"""What goes to people, and what they answered."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from prefline.errors import InputError
from prefline.ids import content_hash, lot
from prefline.params import PairParams
from prefline.sources import read_rows
from prefline.tables import REVIEW_QUEUE, disk_errors, table_from_rows
from tasks.pair.decide import Decided

OPEN = ("uncertain", "order_flip", "no_valid_verdict")


def draw_queue(decided: Iterable[Decided], params: PairParams) -> list[tuple[Decided, str]]:
    """The pairs that people should look at, each with why, in an order that says nothing.

    The least certain ones, and a random share of all for evaluation, which no model chose.
    """
    decided = [one for one in decided if one.label_source != "human"]
    uncertain = sorted(
        (one for one in decided if one.reason in OPEN),
        key=lambda one: (one.p_chosen, one.evidence.pair_id),
    )
    queue = {one.evidence.pair_id: (one, "uncertain") for one in uncertain[: params.review_size]}
    for one in decided:
        if lot("review", params.seed, one.evidence.pair_id) < params.review_random_share:
            queue.setdefault(one.evidence.pair_id, (one, "random"))
    return [queue[identity] for identity in sorted(queue)]


def queue_row(
    one: Decided, why: str, prompt: Mapping[str, Any], responses: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """A row of the review queue. Nothing in it tells the model or what a judge said: the
    order of the answers is drawn by hash."""
    evidence = one.evidence
    ids = [evidence.lower, evidence.upper]
    if int(content_hash(["order", evidence.pair_id])[0], 16) % 2:
        ids.reverse()
    return {
        "pair_id": evidence.pair_id,
        "prompt_id": evidence.prompt_id,
        "prompt": prompt["messages"],
        "response_a": responses[ids[0]]["text"],
        "response_b": responses[ids[1]]["text"],
        "response_a_id": ids[0],
        "response_b_id": ids[1],
        "why": why,
    }


def write_queue(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write the queue as `queue.parquet`, and as `queue.jsonl` for annotation tools."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        queue = table_from_rows(rows, REVIEW_QUEUE)
        pq.write_table(queue, folder / "queue.parquet", compression="zstd")
        lines = b"".join(orjson.dumps(row) + b"\n" for row in rows)
        (folder / "queue.jsonl").write_bytes(lines)


def read_reviews(folder: Path, params: PairParams) -> dict[str, float]:
    """People's log-odds for each reviewed pair that its lower response id is better.

    Each line of `folder/*.jsonl` is {pair_id, reviewer, preferred_id, other_id}, with
    `preferred_id` "tie" for neither. Every reviewer's word counts the log-odds of
    `human_accuracy`; a second word of one reviewer on a pair replaces the first.

    Raises `InputError` that names the file, the row and the field.
    """
    strength = math.log(params.human_accuracy / (1 - params.human_accuracy))
    votes: dict[tuple[str, str], int] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for place, row in read_rows(path):
            votes[_text(row, "pair_id", place), _text(row, "reviewer", place)] = _vote(row, place)
    totals: dict[str, float] = {}
    for (pair, _), vote in votes.items():
        totals[pair] = totals.get(pair, 0.0) + strength * vote
    return totals


def _vote(row: Mapping[str, Any], place: str) -> int:
    preferred = _text(row, "preferred_id", place)
    if preferred == "tie":
        return 0
    return 1 if preferred < _text(row, "other_id", place) else -1


def _text(row: Mapping[str, Any], field: str, place: str) -> str:
    value = row.get(field)
    if isinstance(value, str) and value:
        return value
    raise InputError(
        f"{place}: field '{field}' is missing or empty",
        "each review is {pair_id, reviewer, preferred_id, other_id}, all text",
    )
