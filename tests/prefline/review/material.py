"""Small projects to review, and a server for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import uvicorn

from prefline.ids import content_id, pair_id
from prefline.project import Project
from prefline.review.server import guarded, listen, make_app
from prefline.tables import REVIEW_QUEUE, table_from_rows
from tests.prefline.report.projects import empty_project, save

Row = dict[str, Any]
TOKEN = "token-of-a-test-that-is-long-enough"
HIDDEN = ("secret-model", "secret-judge", "judges_disagree", "secret-reason")


def queue_row(number: int, left: str = "", right: str = "", prompt: str = "") -> Row:
    """A row of the queue; its texts name its number where none are given."""
    ids = content_id("left", number), content_id("right", number)
    return {
        "pair_id": pair_id(*ids),
        "prompt_id": content_id("prompt", number),
        "prompt": [{"role": "user", "content": prompt or f"Question {number}?"}],
        "response_a": left or f"Left answer {number}.",
        "response_b": right or f"Right answer {number}.",
        "response_a_id": ids[0],
        "response_b_id": ids[1],
        "why": "judges_disagree",
        "value": 0.25,
        "n_answers": 0,
    }


def write_queue(project: Project, rows: Sequence[Row], name: str = "review") -> None:
    """Write the queue as the stage `pair` does."""
    folder = project.table(name)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table_from_rows(rows, REVIEW_QUEUE), folder / "queue.parquet")


def review_project(root: Path, rows: Sequence[Row] | int = 20) -> Project:
    """A project with a queue, in the order of the rows."""
    project = empty_project(root)
    write_queue(project, [queue_row(n) for n in range(rows)] if isinstance(rows, int) else rows)
    return project


def label(row: Row, **more: Any) -> Row:
    """A preference for the left answer of a row of the queue, by a judge."""
    sides = {
        side: [{"role": "assistant", "content": row[f"response_{letter}"]}]
        for side, letter in (("chosen", "a"), ("rejected", "b"))
    }
    return {
        **sides, "pair_id": row["pair_id"], "prompt_id": row["prompt_id"],
        "prompt": row["prompt"], "chosen_id": row["response_a_id"],
        "rejected_id": row["response_b_id"], "chosen_model": "secret-model",
        "rejected_model": "secret-model", "p_chosen": 0.9, "log_odds": 2.2, "n_judgments": 1,
        "agreement": 1.0, "anchored": False, "label_source": "ai", "split": "train",
        "category": "sums", "source": "bundled", "judges": "secret-judge", **more,
    }  # fmt: skip


def save_labels(project: Project, rows: Sequence[Row]) -> None:
    """Let judges have preferred the left answer of each."""
    save(project, "preferences", [label(row) for row in rows])


def answers_of(project: Project, reviewer: str) -> list[Row]:
    """The rows of a reviewer's file."""
    path = project.reviews / f"prefline-{reviewer}.jsonl"
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


@contextmanager
def served(project: Project, **options: Any) -> Iterator[str]:
    """The address of the page of a project, on the loopback."""
    listener = listen("127.0.0.1", 0, fixed=True)
    port = listener.getsockname()[1]
    app = guarded(make_app(project, **options), TOKEN, "127.0.0.1")
    config = uvicorn.Config(app, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/{TOKEN}/"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
