"""Stage `validate`: pass, or stop the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from prefect import flow
from pyarrow import Table

from flows.runtime.stage import as_task, run_stage
from prefline.config import Params, read_params
from prefline.filters.leaks import read_benchmarks
from prefline.project import Project, find_project
from prefline.storage.opening import project_store
from prefline.tables import StoredTable, part_hashes
from prefline.text import visible
from tasks.validate import (
    TABLES,
    drift_table,
    judges_table,
    labels_table,
    leaks_table,
    raise_if_failed,
    read_before,
    validate_tables,
)


@flow(name="validate")
def validate() -> None:
    """Write `data/validation`; a critical expectation that does not hold ends the pipeline."""
    project = find_project()
    params = read_params(project.params)
    folders = {name: project.table(name) for name in TABLES if name != "review"}
    places = folders | {"review": project.queue}
    tables = {name: StoredTable(place) for name, place in places.items()}
    files = {name: part_hashes(place) for name, place in places.items()}
    before, beside = as_task(read_beside)(project, params, tables)

    report = as_task(validate_tables)(
        {**tables, **beside},
        params.validation,
        project.table("validation"),
        files,
        before,
        work=project.root / ".prefline",
        memory_gb=params.tables.memory_gb,
    )

    n_held = sum(finding.passed for finding in report.findings)
    compared = f", compared with {before}" if before else ""
    print(f"validate: {n_held} of {len(report.findings)} expectations hold{compared}")
    for warning in report.warnings:
        print(visible(f"validate: warning: {warning}"))
    raise_if_failed(report)


def read_beside(
    project: Project, params: Params, tables: Mapping[str, StoredTable]
) -> tuple[str | None, dict[str, Table]]:
    """Return what tables are held against: the version before, what was measured of the judges,
    and evaluation sets."""
    section, before, then = params.validation, None, None
    if section.max_drift is not None:
        store = project_store(project, params.publish)
        work = project.root / ".prefline"
        work.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=work, prefix="validate-") as scratch:
            before, then = read_before(store, params.publish, Path(scratch))
    measured = orjson.loads(project.metrics("judge").read_bytes())
    paired = orjson.loads(project.metrics("pair").read_bytes())
    beside = {
        "judges": judges_table(measured),
        "labels": labels_table(paired),
        "drift": drift_table(tables["preferences"], then),
    }
    if section.benchmarks:
        leaks = read_benchmarks(section.benchmarks, section.benchmark_run, project.root)
        beside["leaks"] = leaks_table(tables["prompts"], leaks)
    return before, beside


if __name__ == "__main__":
    run_stage(validate)
