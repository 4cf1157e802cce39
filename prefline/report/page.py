"""The report: one HTML page that needs nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jinja2
import yaml

from prefline.atomic import atomic_write
from prefline.project import Project
from prefline.report.charts import SOURCES
from prefline.report.facts import Facts, Json, read_facts
from prefline.report.plots import draw_plots
from prefline.text import xml_text

_VERDICTS = ("first", "second", "tie", "invalid")


def write_report(project: Project, path: Path | None = None, facts: Facts | None = None) -> Path:
    """Write the page; by default `report.html` in the project. The same data gives the same
    bytes. Raises `DiskFull`, and `TableError` for a damaged table.

    `facts` are read from the project where they are not given.
    """
    target = (path or project.report).resolve()
    docs = project.table("validation") / "data_docs" / "index.html"
    link = Path(os.path.relpath(docs, target.parent)).as_posix() if docs.is_file() else None
    page = render(facts or read_facts(project), docs=link)
    with atomic_write(target) as file:
        file.write(page.encode())
    return target


def render(facts: Facts, *, docs: str | None = None, review: str | None = None) -> str:
    """Return the page for these facts, with a link to the Data Docs at `docs`, and with links into
    `prefline review` where it is shown there, at the address `review`. All text that is not
    the project's own is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("prefline.report"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined, finalize=xml_text,
    )  # fmt: skip
    environment.filters |= {"number": "{:,}".format, "usd": "{:,.4f}".format, "yaml": _yaml}
    environment.filters |= {"percent": "{:.0%}".format, "measured": _measured}
    return environment.get_template("page.html.j2").render(
        facts=facts,
        docs=docs,
        review=review,
        plots=draw_plots(facts),
        colours=SOURCES,
        verdicts=_VERDICTS,
        confusion=_matrices(facts.confusion),
        expectations=_by_table(facts.validation),
        broken=[one for one in facts.validation.get("expectations", []) if not one["passed"]],
        shown_categories=sorted({example.category for example in facts.examples}),
    )


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=88)


def _measured(figure: Json) -> str:
    """Return a share in words, with its interval where there are enough to give one."""
    if figure["low"] is None:
        return f"{figure['value']:.0%}"
    return f"{figure['value']:.0%} [{figure['low']:.0%}, {figure['high']:.0%}]"


def _matrices(rows: list[Json]) -> dict[str, list[Json]]:
    """By judge, a row for each verdict of the verifier: the counts of what the judge said,
    each with its share of the row."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        said = found.setdefault(row["judge"], {}).setdefault(row["verifier"], {})
        said[row["said"]] = row["rows"]
    return {
        judge: [_matrix_row(right, rows[right]) for right in _VERDICTS if right in rows]
        for judge, rows in found.items()
    }


def _matrix_row(right: str, said: dict[str, int]) -> Json:
    total = sum(said.values())
    cells = [
        {"said": verdict, "rows": said.get(verdict, 0), "share": said.get(verdict, 0) / total,
         "right": verdict == right}
        for verdict in _VERDICTS
    ]  # fmt: skip
    return {"verifier": right, "total": total, "cells": cells}


def _by_table(validation: Json) -> list[Json]:
    """Return the rows of each table, and how many of its expectations hold."""
    found: dict[str, list[Json]] = {}
    for one in validation.get("expectations", []):
        found.setdefault(one["table"], []).append(one)
    return [
        {
            "table": table,
            "rows": validation.get("rows", {}).get(table),
            "all": len(of_table),
            "held": sum(one["passed"] for one in of_table),
        }
        for table, of_table in found.items()
    ]
