"""Stage `validate`: pass, or stop the line."""

from __future__ import annotations

from prefect import flow

from flows.as_task import as_task
from flows.stage import run_stage
from prefline.params import read_params
from prefline.project import find_project
from prefline.tables import part_hashes, read_table
from tasks.validate import raise_if_failed, validate_tables

TABLES = ("prompts", "responses", "judgments", "preferences", "rejections")


@flow(name="validate")
def validate() -> None:
    """Write `data/validation`; a critical expectation that does not hold ends the line."""
    project = find_project()
    params = read_params(project.params).validation
    tables = {name: read_table(project.table(name)) for name in TABLES}
    files = {name: part_hashes(project.table(name)) for name in TABLES}

    report = as_task(validate_tables)(tables, params, project.table("validation"), files)

    held = sum(one.passed for one in report.findings)
    print(f"validate: {held} of {len(report.findings)} expectations hold")
    raise_if_failed(report)


if __name__ == "__main__":
    run_stage(validate)
