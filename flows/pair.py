"""Stage `pair`: judgments become preferences, rejections and a review queue."""

from __future__ import annotations

import orjson
from prefect import flow

from flows.runtime.stage import as_task, run_stage
from prefline.config import read_params
from prefline.project import find_project
from prefline.tables import (
    ANCHORS,
    ANSWERS,
    PREFERENCES,
    read_for_people,
    read_table,
    read_unjudged,
    rejected_pairs,
    rows_by_id,
    table_from_rows,
    write_rejections,
    write_table,
)
from prefline.tables.metrics import write_metrics
from prefline.text import visible
from tasks.pair import (
    anchor_rows,
    answer_rows,
    draw_queue,
    human_judges,
    label_pairs,
    pair_metrics,
    pair_rejection,
    pairs_of,
    preference_row,
    queue_row,
    read_answers,
    review_warnings,
    verifier_kinds,
    without_label,
    write_queue,
)


@flow(name="pair")
def pair() -> None:
    """Write `data/preferences`, `data/review`, `data/anchors`, `data/answers` and this
    stage's part of `data/rejections`."""
    project = find_project()
    params = read_params(project.params).pair
    judgments = read_table(project.table("judgments")).to_pylist()
    responses = rows_by_id(project.table("responses"), "response_id")
    prompts = rows_by_id(project.table("prompts"), "prompt_id")
    answers = read_answers(project.reviews, responses.values())

    lengths = {identity: len(row["text"]) for identity, row in responses.items()}
    categories = {identity: row["category"] for identity, row in prompts.items()}

    measured = project.metrics("judge")
    people = human_judges(orjson.loads(measured.read_bytes()) if measured.is_file() else {})
    refused = rejected_pairs(project.table("rejections"), "judge")
    unjudged = read_unjudged(project.judge_details)
    prompt_of = {identity: row["prompt_id"] for identity, row in responses.items()}
    labelled = as_task(label_pairs)(
        judgments,
        params,
        answers=answers,
        lengths=lengths,
        human_judges=people,
        checks=verifier_kinds(prompts.values()),
        prompt_of=prompt_of,
        refused=refused,
    )
    kept = [one for one in labelled.final if one.reason is None]
    rows = [preference_row(one, prompts[one.evidence.prompt_id], responses, params) for one in kept]
    rejected = [pair_rejection(one) for one in labelled.final if one.reason is not None]
    reviewed = {one.evidence.pair_id for one in labelled.final}
    rejected += [one for one in unjudged if one.id not in reviewed]
    # Without any judge people are asked about what waits for one.
    budgeted = set(read_for_people(project.judge_details))
    waiting = {one.id for one in unjudged if one.reason == "not_judged"}
    if labelled.by_judges:
        waiting &= budgeted
    queue = draw_queue(
        [*labelled.by_judges, *(without_label(one) for one in pairs_of(waiting, prompt_of))],
        labelled.reviews.by_pair(),
        categories,
        params,
        n_anchors=labelled.labels.n_anchors,
        budgeted=budgeted,
    )

    write_table(project.table("preferences"), table_from_rows(rows, PREFERENCES), PREFERENCES)
    anchors = table_from_rows(anchor_rows(labelled, categories, params), ANCHORS)
    write_table(project.table("anchors"), anchors, ANCHORS)
    write_rejections(project.table("rejections"), "pair", rejected)
    write_table(project.table("answers"), table_from_rows(answer_rows(labelled), ANSWERS), ANSWERS)
    shown = [queue_row(one, prompts[one.pair.evidence.prompt_id], responses) for one in queue]
    write_queue(project.table("review"), shown, params.review.reviewers_per_pair)
    warnings = review_warnings(labelled.reviews, set(categories.values()), params.review, refused)
    metrics = pair_metrics(labelled, queue, judgments, params, warnings)
    write_metrics(project.metrics("pair"), metrics)
    for line in warnings:
        print(visible(f"pair: warning: {line}"))
    print(f"pair: {len(kept):,} preferences, {len(rejected):,} rejected, {len(queue):,} for review")


if __name__ == "__main__":
    run_stage(pair)
