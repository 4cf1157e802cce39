"""The command that makes the report."""

from __future__ import annotations

from dataclasses import asdict
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
    from prefline.report import write_report
    from prefline.report.facts import read_facts

    project = find_project()
    path = write_report(project, output)
    facts = asdict(read_facts(project)) if as_json else {}
    emit(f"wrote {path}", {"path": str(path), **facts}, as_json=as_json)
