"""Stage `generate`: several responses to every prompt."""

from __future__ import annotations

from collections import Counter

from prefect import flow

from flows.runtime.progress_artifact import progress_artifact
from flows.runtime.rate_limits import prefect_slots
from flows.runtime.stage import as_task, run_stage
from prefline.config import read_params
from prefline.llm import open_engine
from prefline.llm.progress import Progress
from prefline.project import find_project
from prefline.tables import RESPONSES, TableWriter, write_rejections
from prefline.tables.metrics import write_metrics
from prefline.tables.prompts import read_prompts
from prefline.tables.shards import shards
from tasks.generate import (
    Made,
    imported_rows,
    read_imports,
    read_picker,
    read_revision_principles,
    response_rows,
    samples,
)


@flow(name="generate")
def generate() -> None:
    """Write `data/responses`."""
    project = find_project()
    params = read_params(project.params)
    endpoints, size = params.generate.endpoints, params.generate.shard_size
    prompts = read_prompts(project.table("prompts"))
    principles = read_revision_principles(params.generate, project.root)
    picker = read_picker(params.generate, project.root)
    imported = read_imports(prompts, params.generate, project.root)

    dialogues = samples(prompts, params.generate, principles, picker)
    drafts = len(prompts) * len(endpoints) * params.generate.samples_per_prompt
    most = drafts * params.generate.calls_per_sample
    asked = [*endpoints, picker.params.endpoint] if picker else endpoints
    rejected, made = list(imported.rejections), Made()

    with (
        prefect_slots(asked) as acquire_slots,
        open_engine(project, asked, params.engine, acquire_slots=acquire_slots) as engine,
        Progress("generate", most, engine) as progress,
        progress_artifact("generate", progress),
        TableWriter(project.table("responses"), RESPONSES) as table,
    ):
        for shard in shards(engine.converse(dialogues), size):
            responses, lost = as_task(response_rows)(shard)
            table.write(responses)
            rejected += lost
            made.count(responses)
        for rows in shards(imported.rows, size):
            responses = imported_rows(rows)
            table.write(responses)
            made.count(responses)

    write_rejections(project.table("rejections"), "generate", rejected)
    reasons = Counter(one.reason for one in rejected)
    write_metrics(project.metrics("generate"), made.figures() | {"rejected": dict(reasons)})
    progress.print_summary(f"{made.summary()}, {len(rejected):,} rejected")


if __name__ == "__main__":
    run_stage(generate)
