"""Stage `pair`: judgments become preferences, rejections and a review queue."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from prefect import flow

from flows.runtime.stage import as_task, run_stage
from prefline.config import read_params
from prefline.project import find_project
from prefline.tables import (
    ANCHORS,
    ANSWERS,
    REVIEW_QUEUE,
    StoredTable,
    TableWriter,
    iter_batches,
    read_for_people,
    read_unjudged,
    rejected_pairs,
    table_from_rows,
    texts,
    write_table,
)
from prefline.tables.metrics import write_metrics
from prefline.tables.parts import ROWS_PER_GROUP
from prefline.tables.schemas import with_turns
from prefline.tables.shards import shards
from prefline.text import visible
from tasks.pair import (
    anchor_rows,
    answer_rows,
    draw_queue,
    human_judges,
    label_pairs,
    open_pairs,
    pair_metrics,
    queue_rows,
    read_answers,
    review_warnings,
    without_label,
    write_labels,
    write_pair_rejections,
    write_preferences,
    write_queue,
)


@flow(name="pair")
def pair() -> None:
    """Write `data/preferences`, `data/review`, `data/anchors`, `data/answers` and this
    stage's part of `data/rejections`."""
    project = find_project()
    params = read_params(project.params)
    section = params.pair
    sources = [project.table(name) for name in ("judgments", "responses", "prompts")]
    answers = read_answers(project.reviews, _rows(sources[1]))
    measured = project.metrics("judge")
    people = human_judges(orjson.loads(measured.read_bytes()) if measured.is_file() else {})
    asked = {answer.pair_id for answer in answers.given}
    refused = rejected_pairs(project.table("rejections"), "judge", asked)
    unjudged = read_unjudged(project.judge_details)
    budgeted = set(read_for_people(project.judge_details))

    memory = params.tables.memory_gb
    with open_pairs(*sources, work=project.root / ".prefline", memory_gb=memory) as tables:
        labelled = as_task(label_pairs)(
            tables, section, answers=answers, human_judges=people, refused=refused
        )
        as_task(write_labels)(tables, labelled.final, section)
        # Without any judge people are asked about what waits for one.
        is_waiting = pc.equal(unjudged["reason"], pa.scalar("not_judged"))
        waiting = set(texts(unjudged.filter(is_waiting), "id"))
        if labelled.labels.n_pairs:
            waiting &= budgeted
        queue = as_task(draw_queue)(
            chain(labelled.by_judges, map(without_label, tables.pairs_named(waiting))),
            labelled.reviews.by_pair(),
            section,
            n_anchors=labelled.labels.n_anchors,
            budgeted=budgeted,
        )

        kept = as_task(write_preferences)(tables, project.table("preferences"))
        rejected = write_pair_rejections(tables, project.table("rejections"), unjudged)
        write_queue(
            project.table("review"),
            queue_rows(tables, queue),
            section.review.reviewers_per_pair,
            with_turns(REVIEW_QUEUE) if tables.has("prompts", "tools") else REVIEW_QUEUE,
        )
        with TableWriter(project.table("anchors"), ANCHORS) as anchors:
            for some in shards(anchor_rows(labelled, section), ROWS_PER_GROUP):
                anchors.write(table_from_rows(some, ANCHORS))
        write_table(
            project.table("answers"), table_from_rows(answer_rows(labelled), ANSWERS), ANSWERS
        )
        categories = {str(name) for name in StoredTable(sources[2])["category"].unique()}
        warnings = review_warnings(labelled.reviews, categories, section.review, refused)
        judgments = tables.judgments_on(labelled.reviewed)
        metrics = as_task(pair_metrics)(labelled, queue, judgments, section, warnings)
    write_metrics(project.metrics("pair"), metrics)
    for line in warnings:
        print(visible(f"pair: warning: {line}"))
    print(f"pair: {kept:,} preferences, {rejected:,} rejected, {len(queue):,} for review")


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the responses, which are read only where an answer names one by its text."""
    for batch in iter_batches(folder, columns=["response_id", "prompt_id", "text"]):
        yield from batch.to_pylist()


if __name__ == "__main__":
    run_stage(pair)
