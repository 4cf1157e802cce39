"""Stage `sample`: prompts from their sources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from prefect import flow

from flows.runtime.executor import spread_over
from flows.runtime.rate_limits import prefect_slots
from flows.runtime.stage import as_task, run_stage
from prefline.config import Params, SampleParams, read_params
from prefline.llm import Engine, open_engine
from prefline.project import Project, find_project
from prefline.tables import DRAWN, TableWriter, write_sorted_rejections
from prefline.tables.metrics import write_metrics
from prefline.tables.prompts import write_prompts
from prefline.tables.shards import Spread, here
from prefline.text import visible
from tasks.sample import (
    SamplingResult,
    ledger_tables,
    metrics,
    sampling,
    summary,
    unwatched_paths,
)


@flow(name="sample")
def sample() -> None:
    """Write `data/prompts`, `data/held_out`, `data/drawn` and the rejections."""
    project = find_project()
    all_params = read_params(project.params)
    params = all_params.sample

    with _engine(project, all_params) as engine, spread_over(all_params.shards) as spread:
        result = as_task(sample_tables)(params, project, engine, spread)

    write_metrics(project.metrics("sample"), metrics(result, params))
    for line in summary(result, params):
        print(visible(f"sample: {line}"))
    for path in unwatched_paths(params.sources, _dependencies(project.root)):
        print(
            f"sample: DVC does not watch {path}, and will not see it change: move it to "
            "data/imported/prompts, or add it to the stage's deps in dvc.yaml"
        )


def sample_tables(
    params: SampleParams, project: Project, engine: Engine | None, spread: Spread = here
) -> SamplingResult:
    """Sample, and write the tables while the prompts are on disk."""
    with sampling(params, project.root, engine, spread) as sample:
        write_sorted_rejections(project.table("rejections"), "sample", sample.rejected())
        write_prompts(project.table("prompts"), sample.kept())
        write_prompts(project.table("held_out"), sample.held_out())
        with TableWriter(project.table("drawn"), DRAWN) as table:
            for rows in ledger_tables(sample.result.ledger):
                table.write(rows)
        return sample.result


@contextmanager
def _engine(project: Project, params: Params) -> Iterator[Engine | None]:
    """Give an engine, if sampling asks a model."""
    endpoints = params.sample.endpoints
    if not endpoints:
        yield None
        return
    with (
        prefect_slots(endpoints) as acquire_slots,
        open_engine(project, endpoints, params.engine, acquire_slots=acquire_slots) as engine,
    ):
        yield engine


def _dependencies(root: Path) -> list[str]:
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return list(stages["sample"]["deps"])


if __name__ == "__main__":
    run_stage(sample)
