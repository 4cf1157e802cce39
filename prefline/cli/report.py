"""The command that makes the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prefline.cli.output import AsJson, emit
from prefline.project import find_project


def report(
    output: Annotated[Path | None, typer.Option(help="Where the page goes.")] = None,
    as_json: AsJson = False,
) -> None:
    """One HTML page with plots: label quality, biases, rejections, costs, examples."""
    from prefline.report import read_facts, write_report

    project = find_project()
    facts = read_facts(project)
    path = write_report(project, output, facts)
    emit(f"wrote {path}", {"path": str(path), **facts.as_dict()}, as_json=as_json)
