"""The warrant of a version: what its labels are worth, and which of them are published for it."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.atomic import disk_errors
from prefline.config import Params
from prefline.errors import NotWarranted
from prefline.ids import drawn_order, lot
from prefline.labeling.version_warrant import (
    COLUMNS,
    drawn_pairs,
    is_warranted,
    publishable,
    warrant_of,
)
from prefline.labeling.warrant import Standard
from prefline.labeling.warrant_words import with_words
from prefline.project import Project
from prefline.tables import ANCHORS, REVIEW_QUEUE, parts_of, read_table, table_from_rows
from prefline.tables.parts import open_parquet
from tasks.publish.inputs import PublishInputs

Json = dict[str, Any]
NOT_WARRANTED = "not_warranted"
_MOST_WITHHELD = 2_000  # that people are shown, of the greatest value
_SHOWN = ("pair_id", "prompt", "response_a", "response_b", "response_a_id", "response_b_id")
_BATCH_ROWS = 8_192
_DIGITS = 9


def measure_warrant(inputs: PublishInputs) -> Json:
    """Return what the labels are worth, as a document; `asked` tells whether params ask for it.

    Without that it says how they stand to the default standard. Raises `TableError`.
    """
    document = _warrant_of(inputs.project, inputs.params, inputs.paired)
    asked = inputs.params.publish.warrant is not None
    return with_words(document, inputs.judged, asked=asked)


def count_publishable(project: Project, params: Params) -> Counter[str]:
    """Count by category the preferences that the warrant lets through, all without one.

    Raises `TableError`.
    """
    document = None
    if params.publish.warrant is not None:
        document = _warrant_of(project, params, orjson.loads(project.metrics("pair").read_bytes()))
    counts: Counter[str] = Counter()
    for part in parts_of(project.table("preferences")):
        rows = pq.ParquetFile(part).read(columns=["category", *COLUMNS])
        if document is not None:
            rows = rows.filter(pa.array(publishable(document, rows)))
        counts.update(str(name) for name in rows["category"].to_pylist())
    return counts


def _warrant_of(project: Project, params: Params, paired: Mapping[str, Any]) -> Json:
    """Return the warrant of the preferences; `paired` are the metrics of the stage `pair`."""
    asked = params.publish.warrant
    standard = Standard(asked.agreement, asked.confidence) if asked else Standard()
    parts = parts_of(project.table("preferences"))
    columns = [pq.ParquetFile(part).read(columns=list(COLUMNS)) for part in parts]
    return warrant_of(
        pa.concat_tables(columns),
        read_anchors(project),
        standard,
        pairs=paired.get("pairs", 0),
        drawn=drawn_pairs(paired),
        random_share=params.pair.review.random_share,
    )


def read_anchors(project: Project) -> pa.Table:
    """Return the table of anchors, empty where the stage `pair` was run before there was one."""
    folder = project.table("anchors")
    if not any(folder.glob("part-*.parquet")):
        return ANCHORS.empty_table()
    return read_table(folder)


def unwarranted(document: Json) -> str | None:
    """Return why nothing may be published for want of a warrant; None if something may."""
    machine = sum(kind["rows"] for kind in document["kinds"].values())
    if not document["asked"] or is_warranted(document) or not machine:
        return None
    standard = Standard(**document["standard"])
    return f"no label is warranted to {standard}: {'; '.join(document['says'])}"


def refusal(document: Json) -> NotWarranted:
    """Return the error for preferences of which nothing is warranted."""
    return NotWarranted(
        f"nothing is published: {unwarranted(document)}",
        f"{document['remedy']}; or publish without publish.warrant, or all the same with "
        '`python -m flows.publish --force "why"`, which the version will tell (docs/publishing.md)',
    )


def thresholds_of(document: Json, forced: Mapping[str, Any] | None) -> dict[str, float | None]:
    """Return from which p_chosen on labels of each kind are published; empty where all are."""
    if not document["asked"] or (forced is not None and not is_warranted(document)):
        return {}
    return {kind: figures["threshold"] for kind, figures in document["kinds"].items()}


def warranted_parts(parts: Sequence[Path], document: Json, folder: Path) -> tuple[list[Path], int]:
    """Write the warranted rows of each part to `folder`; return the files, and how many rows are
    withheld. Raises `DiskFull`."""
    written, withheld = [], 0
    with disk_errors(folder):
        for number, part in enumerate(parts):
            file = open_parquet(part)
            path = folder / f"warranted-{number:05d}.parquet"
            with pq.ParquetWriter(path, file.schema_arrow, compression="zstd") as writer:
                for batch in file.iter_batches(_BATCH_ROWS):
                    rows = pa.Table.from_batches([batch])
                    kept = rows.filter(pa.array(publishable(document, rows)))
                    withheld += rows.num_rows - kept.num_rows
                    writer.write_table(kept)
            written.append(path)
    return written, withheld


def write_withheld(inputs: PublishInputs, document: Json, forced: Mapping[str, Any] | None) -> int:
    """Write the withheld pairs of the greatest value to `data/withheld`, for people.

    As `queue.jsonl`, which shows what the review queue shows, and `queue.parquet`, which also
    tells the value; the most valuable pair comes first. Returns how many are written; where none
    is withheld the folder is emptied.
    """
    folder = inputs.project.table("withheld")
    rows: list[Json] = []
    if thresholds_of(document, forced):
        best = heapq.nsmallest(_MOST_WITHHELD, _withheld(inputs, document), key=lambda one: one[0])
        rows = [_queue_row(key, row) for key, row in best]
    if not rows and not folder.exists():
        return 0
    shown = b"".join(orjson.dumps({name: row[name] for name in _SHOWN}) + b"\n" for row in rows)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            table_from_rows(rows, REVIEW_QUEUE), folder / "queue.parquet", compression="zstd"
        )
        (folder / "queue.jsonl").write_bytes(shown)
    return len(rows)


def _withheld(inputs: PublishInputs, document: Json) -> Iterator[tuple[tuple[float, float], Json]]:
    """Yield withheld rows with what they are ordered by: least value last, equals by a hash."""
    params = inputs.params.pair
    for part in inputs.parts:
        for batch in open_parquet(part).iter_batches(_BATCH_ROWS):
            rows = pa.Table.from_batches([batch])
            for row in rows.filter(pa.array(~publishable(document, rows))).to_pylist():
                stakes = (
                    params.review.high_stakes_weight
                    if row["category"] in params.review.high_stakes
                    else 1.0
                )
                value = stakes * max(0.0, params.review.human_accuracy - row["p_chosen"])
                place = lot("value", params.seed, row["pair_id"])
                yield (-round(value, _DIGITS), place), row


def _queue_row(key: tuple[float, float], row: Json) -> Json:
    """Return a row as the review queue has it."""
    texts = {row[f"{side}_id"]: row[side][-1]["content"] for side in ("chosen", "rejected")}
    first, second = drawn_order(row["pair_id"], *sorted(texts))
    return {
        "pair_id": row["pair_id"],
        "prompt_id": row["prompt_id"],
        "prompt": row["prompt"],
        "response_a": texts[first],
        "response_b": texts[second],
        "response_a_id": first,
        "response_b_id": second,
        "why": NOT_WARRANTED,
        "value": -key[0],
        "n_answers": 0,
    }
