"""The queue as files: a table for us, and what reviewers see in the formats of their tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from prefline.atomic import disk_errors
from prefline.ids import content_hash
from prefline.tables import REVIEW_QUEUE, table_from_rows
from tasks.pair.review import argilla, label_studio
from tasks.pair.review.queue import Queued

Row = Mapping[str, Any]

# All that a reviewer may see: neither model nor judge, nor why the pair was chosen.
SHOWN = ("pair_id", "prompt", "response_a", "response_b", "response_a_id", "response_b_id")


def queue_row(one: Queued, prompt: Row, responses: Mapping[str, Row]) -> dict[str, Any]:
    """A row of the review queue. The order of the answers is drawn by hash."""
    evidence = one.decided.evidence
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
        "why": one.why,
        "value": one.value,
        "n_answers": one.n_answers,
    }


def write_queue(folder: Path, rows: Sequence[Row], reviewers_per_pair: int) -> None:
    """Write the queue as `queue.parquet`, which reviewers do not see, and what they see of it:
    plain in `queue.jsonl`, for Label Studio in `label_studio.json` with `label_studio.xml`, for
    Argilla in `argilla.jsonl` with `argilla_settings.json`. Raises `DiskFull`."""
    shown = [{name: row[name] for name in SHOWN} for row in rows]
    texts = {
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
        for name, text in texts.items():
            (folder / name).write_bytes(text)


def _lines(rows: Sequence[Row]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)
