"""Stage `generate`: several responses to every prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from prefect import flow

from flows.runtime.model_calls import model_calls
from flows.runtime.shard_runs import prompts_per_unit, shard_count, shard_ranges, shards_done
from flows.runtime.stage import as_task, run_stage
from prefline.config import Endpoint, GenerateParams, Params, read_params
from prefline.llm.progress import Progress
from prefline.project import Project, find_project
from prefline.reward.models import HeadReward
from prefline.tables import REJECTIONS, RESPONSES, Rejection, TableWriter, write_rejections
from prefline.tables.draft import Draft, draft_table, read_draft
from prefline.tables.metrics import write_metrics
from prefline.tables.parts import of_schema
from prefline.tables.prompts import Prompt, read_prompts, read_some_prompts
from prefline.tables.schemas import as_needed, with_turns
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

Samples = tuple[Iterator[tuple[pa.Table, list[Rejection]]], Progress]


@flow(name="generate")
def generate() -> None:
    """Write `data/responses`."""
    project = find_project()
    params = read_params(project.params)
    prompts = read_prompts(project.table("prompts"))
    imported = read_imports(prompts, params.generate, project.root)
    rejections, counts = list(imported.rejections), ResponseCounts()

    with (
        sampled(project, params, prompts) as (samples, progress),
        TableWriter(project.table("responses"), RESPONSES) as table,
    ):
        for responses, rejected in samples:
            table.write(responses)
            rejections += rejected
            counts.add(responses)
        for rows in shards(imported.rows, params.generate.shard_size):
            responses = imported_table(rows)
            table.write(responses)
            counts.add(responses)

    write_rejections(project.table("rejections"), "generate", rejections)
    reasons = Counter(rejection.reason for rejection in rejections)
    write_metrics(project.metrics("generate"), counts.metrics() | {"rejected": dict(reasons)})
    for warning in counts.warnings():
        print(visible(f"generate: {warning}"))
    progress.print_summary(f"{counts.summary()}, {len(rejections):,} rejected")


@contextmanager
def sampled(project: Project, params: Params, prompts: Sequence[Prompt]) -> Iterator[Samples]:
    """Give the samples of prompts, made here or by several processes, as `params.run` says."""
    section = params.generate
    per_prompt = 1 if section.best_of else len(section.endpoints) * section.samples_per_prompt
    unit = prompts_per_unit(per_prompt, section.shard_size)
    endpoints = _endpoints(section, read_best_of_reward(section, project.root))
    count = shard_count(params.run, endpoints)
    ranges = shard_ranges(len(prompts), count, unit)
    if len(ranges) > 1:
        calls = len(prompts) * _calls_per_prompt(params)
        models = [endpoint.model for endpoint in endpoints]
        with shards_done(project, "generate", params, ranges, calls, models=models) as (
            folders,
            progress,
        ):
            yield _read_drafts(folders), progress
    else:
        with sampled_here(project, params, prompts) as samples:
            yield samples


@contextmanager
def sampled_here(project: Project, params: Params, prompts: Sequence[Prompt]) -> Iterator[Samples]:
    """Give the samples of prompts, made by this process."""
    section = params.generate
    principles = read_revision_principles(section, project.root)
    reward = read_best_of_reward(section, project.root)
    conversations = sample_conversations(prompts, section, principles, reward)
    asked = _endpoints(section, reward)
    total = len(prompts) * _calls_per_prompt(params)
    with model_calls(project, "generate", asked, params.engine, total=total) as (engine, progress):
        results = shards(engine.converse(conversations), section.shard_size)
        yield map(as_task(response_table), results), progress


def _endpoints(section: GenerateParams, reward: HeadReward | None) -> list[Endpoint]:
    return [*section.endpoints, *([reward.params.endpoint] if reward else [])]


def _calls_per_prompt(params: Params) -> int:
    section = params.generate
    return len(section.endpoints) * section.samples_per_prompt * section.calls_per_sample


def work_on_range(project: Project, params: Params, start: int, stop: int, folder: Path) -> None:
    """Write the samples of the prompts at places `start` to `stop` into a folder, for `sampled`."""
    prompts = read_some_prompts(project.table("prompts"), start, stop)
    # A draft is of one schema from its start: where tools are offered, of the one with turns.
    schema = with_turns(RESPONSES) if any(prompt.tools for prompt in prompts) else RESPONSES
    with (
        Draft(folder / "responses.arrow", schema) as drafted,
        Draft(folder / "rejections.arrow", REJECTIONS) as rejected,
        sampled_here(project, params, prompts) as (samples, _),
    ):
        for responses, rejections in samples:
            drafted.write(of_schema(responses, schema))
            rejected.reject(rejections)


def _read_drafts(folders: Iterable[Path]) -> Iterator[tuple[pa.Table, list[Rejection]]]:
    for folder in folders:
        for batch in read_draft(folder / "responses.arrow"):
            yield as_needed(pa.Table.from_batches([batch]), RESPONSES), []
        rejected = draft_table(folder / "rejections.arrow").to_pylist()
        yield RESPONSES.empty_table(), [Rejection(**row) for row in rejected]


if __name__ == "__main__":
    run_stage(generate)
