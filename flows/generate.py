"""Stage `generate`: several responses to every prompt."""

from __future__ import annotations

from collections import Counter

from prefect import flow

from flows.runtime.model_calls import model_calls
from flows.runtime.stage import as_task, run_stage
from prefline.config import read_params
from prefline.project import find_project
from prefline.tables import RESPONSES, TableWriter, write_rejections
from prefline.tables.metrics import write_metrics
from prefline.tables.prompts import read_prompts
from prefline.tables.shards import shards
from prefline.text import visible
from tasks.generate import (
    ResponseCounts,
    imported_table,
    read_best_of_reward,
    read_imports,
    read_revision_principles,
    response_table,
    sample_conversations,
)


@flow(name="generate")
def generate() -> None:
    """Write `data/responses`."""
    project = find_project()
    params = read_params(project.params)
    endpoints, size = params.generate.endpoints, params.generate.shard_size
    prompts = read_prompts(project.table("prompts"))
    principles = read_revision_principles(params.generate, project.root)
    reward = read_best_of_reward(params.generate, project.root)
    imported = read_imports(prompts, params.generate, project.root)

    conversations = sample_conversations(prompts, params.generate, principles, reward)
    n_drafts = len(prompts) * len(endpoints) * params.generate.samples_per_prompt
    max_calls = n_drafts * params.generate.calls_per_sample
    asked = [*endpoints, reward.params.endpoint] if reward else endpoints
    rejections, counts = list(imported.rejections), ResponseCounts()

    with (
        model_calls(project, "generate", asked, params.engine, total=max_calls) as (
            engine,
            progress,
        ),
        TableWriter(project.table("responses"), RESPONSES) as table,
    ):
        for shard in shards(engine.converse(conversations), size):
            responses, rejected = as_task(response_table)(shard)
            table.write(responses)
            rejections += rejected
            counts.add(responses)
        for rows in shards(imported.rows, size):
            responses = imported_table(rows)
            table.write(responses)
            counts.add(responses)

    write_rejections(project.table("rejections"), "generate", rejections)
    reasons = Counter(rejection.reason for rejection in rejections)
    write_metrics(project.metrics("generate"), counts.metrics() | {"rejected": dict(reasons)})
    for warning in counts.warnings():
        print(visible(f"generate: {warning}"))
    progress.print_summary(f"{counts.summary()}, {len(rejections):,} rejected")


if __name__ == "__main__":
    run_stage(generate)
