"""Stage `sample`: prompts from their sources."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict

import yaml
from prefect import flow

from flows.as_task import as_task
from flows.leases import prefect_lease
from flows.stage import run_stage
from prefline.engine import open_engine
from prefline.metrics import write_metrics
from prefline.params import read_params
from prefline.project import find_project
from prefline.tables import DRAWN, PROMPTS, table_from_rows, write_rejections, write_table
from tasks.sample import figures, ledger_table, sample_prompts, summary, unwatched


@flow(name="sample")
def sample() -> None:
    """Write `data/prompts`, `data/held_out`, and into `data/drawn` what this round has drawn."""
    project = find_project()
    every = read_params(project.params)
    params, endpoints = every.sample, every.sample.endpoints

    with (
        prefect_lease(endpoints) if endpoints else nullcontext() as lease,
        open_engine(project, endpoints, every.engine, lease=lease)
        if endpoints
        else nullcontext() as engine,
    ):
        sampled = as_task(sample_prompts)(params, project.root, engine)

    for table, prompts in (("prompts", sampled.kept), ("held_out", sampled.held_out)):
        rows = table_from_rows([asdict(prompt) for prompt in prompts], PROMPTS)
        write_table(project.table(table), rows, PROMPTS)
    write_table(project.table("drawn"), ledger_table(sampled.drawn), DRAWN)
    write_rejections(project.table("rejections"), "sample", sampled.rejected)
    write_metrics(project.metrics("sample"), figures(sampled))
    for line in summary(sampled, params):
        print(f"sample: {line}")
    deps = yaml.safe_load((project.root / "dvc.yaml").read_text())["stages"]["sample"]["deps"]
    for path in unwatched(params.sources, deps):
        print(
            f"sample: DVC does not watch {path}, and will not see it change: move it to "
            "data/imported/prompts, or add it to the stage's deps in dvc.yaml"
        )


if __name__ == "__main__":
    run_stage(sample)
