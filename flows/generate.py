"""Stage `generate`: several responses to every prompt."""

from __future__ import annotations

from collections import Counter

from prefect import flow

from flows.as_task import as_task
from flows.leases import prefect_lease
from flows.progress_artifact import progress_artifact
from flows.stage import run_stage
from prefline.engine import open_engine
from prefline.metrics import write_metrics
from prefline.params import read_params
from prefline.progress import Progress
from prefline.project import find_project
from prefline.prompts import read_prompts
from prefline.shards import shards
from prefline.tables import RESPONSES, Rejection, TableWriter, write_rejections
from tasks.generate import generation_requests, response_rows


@flow(name="generate")
def generate() -> None:
    """Write `data/responses`."""
    project = find_project()
    params = read_params(project.params)
    endpoints = params.generate.endpoints
    prompts = read_prompts(project.table("prompts"))

    requests = generation_requests(prompts, params.generate)
    total = len(prompts) * len(endpoints) * params.generate.samples_per_prompt
    failed: list[Rejection] = []
    ended: Counter[str] = Counter()

    with (
        prefect_lease(endpoints) as lease,
        open_engine(project, endpoints, params.engine, lease=lease) as engine,
        Progress("generate", total, engine) as progress,
        progress_artifact("generate", progress),
        TableWriter(project.table("responses"), RESPONSES) as table,
    ):
        for shard in shards(engine.answer(requests), params.generate.shard_size):
            responses, failures = as_task(response_rows)(shard)
            table.write(responses)
            failed += failures
            ended.update(str(reason) for reason in responses["finish_reason"].to_pylist())

    write_rejections(project.table("rejections"), "generate", failed)
    figures = {
        "responses": sum(ended.values()),
        "failed": dict(Counter(one.reason for one in failed)),
        "finish_reason": dict(ended),
    }
    write_metrics(project.metrics("generate"), figures)
    progress.say(f"{figures['responses']:,} responses, {len(failed):,} failed")


if __name__ == "__main__":
    run_stage(generate)
