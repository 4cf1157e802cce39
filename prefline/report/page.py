"""The report: one HTML page that needs nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jinja2

from prefline.project import Project
from prefline.report import charts
from prefline.report.facts import Facts, Json, read_facts
from prefline.tables import disk_errors

_MEASURED = {
    "accuracy_both_orders": "right, as asked in both orders",
    "prefers_first": "prefers the first",
    "inconsistent": "changes with the order",
    "tie": "tie",
    "invalid": "no valid verdict",
}


def write_report(project: Project, path: Path | None = None) -> Path:
    """Write the page; by default `report.html` in the project. The same data gives the same
    bytes. Raises `DiskFull`."""
    target = path or project.report
    page = render(read_facts(project))
    with disk_errors(target):
        draft = target.with_name(f".{target.name}.draft")
        draft.write_text(page, encoding="utf-8")
        draft.rename(target)
    return target


def render(facts: Facts) -> str:
    """The page for these facts. All text from models is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("prefline.report"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    return environment.get_template("page.html.j2").render(
        facts=facts,
        headline=_headline(facts),
        plots=_plots(facts),
        confusion=_confusion(facts.confusion),
        findings=_findings(facts.validation),
        categories=sorted({one.category for one in facts.examples}),
        names=_MEASURED,
    )


def _headline(facts: Facts) -> list[tuple[str, str]]:
    paired = facts.paired
    return [
        ("preferences", f"{sum(facts.splits.values()):,}"),
        *((split, f"{count:,}") for split, count in facts.splits.items()),
        ("pairs judged", f"{paired.get('pairs', 0):,}"),
        ("for review", f"{paired.get('queued_for_review', 0):,}"),
        ("prompts", f"{facts.sampled.get('prompts', 0):,}"),
        ("responses", f"{facts.generated.get('responses', 0):,}"),
    ]


def _plots(facts: Facts) -> dict[str, str]:
    """SVG by name; a plot without data is left out."""
    judged, paired = facts.judged.get("judges", {}), facts.paired.get("calibration", {})
    accuracy = [{"name": name, **one["accuracy"]} for name, one in paired.items()]
    rates = facts.judged.get("pass_rate", {}).get("by_category", {})
    passing = sorted(
        ({"name": name, **one} for name, one in rates.items()), key=lambda row: -row["value"]
    )
    rejected = [row | {"what": f"{row['stage']}: {row['reason']}"} for row in facts.rejections]
    tokens = [
        {"who": f"{row['stage']}: {row['by']}", "kind": kind, "tokens": row[f"{kind}_tokens"]}
        for row in facts.costs
        for kind in ("input", "output")
    ]
    drawn: dict[str, tuple[list[Json], Callable[[list[Json]], str]]] = {
        "accuracy": (accuracy, partial(charts.shares, title="right", middle=0.5)),
        "pass_rate": (passing, partial(charts.shares, title="pass their check")),
        "rejections": (rejected, partial(charts.bars, name="what", value="items", title="")),
        "lengths": (facts.lengths, _draw_lengths),
        "p_chosen": (facts.p_chosen, charts.histogram),
        "tokens": (
            tokens,
            partial(charts.bars, name="who", value="tokens", title="tokens", colour="kind"),
        ),
    }
    plots = {name: draw(rows) for name, (rows, draw) in drawn.items() if _has_values(rows)}
    for name, one in judged.items():
        if one["method"] == "verifier":
            continue  # its verdicts are what the others are held against
        rows = [
            {"name": words, **one[figure]}
            for figure, words in _MEASURED.items()
            if one[figure]["value"] is not None
        ]
        plots[f"judge {name}"] = charts.shares(rows, title="share", middle=0.5)
    return plots


def _has_values(rows: list[Json]) -> bool:
    return bool(rows) and any(row.get("value", 0) is not None for row in rows)


def _draw_lengths(rows: list[Json]) -> str:
    named = [
        {"name": row["difference"], "value": row["longer_chosen"], "low": row["longer_chosen"],
         "high": row["longer_chosen"]}
        for row in rows
    ]  # fmt: skip
    return charts.shares(named, title="the longer answer is chosen", middle=0.5)


def _confusion(rows: list[Json]) -> dict[str, dict[str, Counter[str]]]:
    """By judge and by the verifier's verdict: how often the judge said what."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for row in rows:
        said = found.setdefault(row["judge"], {}).setdefault(row["verifier"], Counter())
        said[row["said"]] += row["verdicts"]
    return found


def _findings(validation: Json) -> dict[str, Any]:
    """Expectations by table, those that do not hold first."""
    by_table: dict[str, list[Json]] = {}
    for one in validation.get("expectations", []):
        by_table.setdefault(one["table"], []).append(one)
    return {
        "tables": {
            table: {"held": sum(one["passed"] for one in found), "all": len(found)}
            for table, found in by_table.items()
        },
        "broken": [one for one in validation.get("expectations", []) if not one["passed"]],
    }
