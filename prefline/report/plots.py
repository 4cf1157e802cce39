"""Which facts are drawn, and how: a plot without data is left out."""

from __future__ import annotations

from collections import Counter

from prefline.report import charts
from prefline.report.charts import Plot
from prefline.report.facts import Facts, Json
from prefline.report.measures import VERIFIER

_EVEN = {"accuracy": "accuracy", "prefers_first": "prefers first"}
_SMALL = {
    "accuracy_both_orders": "right as asked",
    "inconsistent": "order flips",
    "tie": "ties",
    "invalid": "invalid replies",
}


def draw_plots(facts: Facts) -> dict[str, Plot]:
    """Every plot that there is data for, by name."""
    judges = [one for one in facts.judges if one["method"] != VERIFIER]
    drawn = {
        "even": _shares(_figures(judges, _EVEN), "Accuracy and position", middle="chance"),
        "small": _shares(_figures(judges, _SMALL), "Order flips, ties and invalid replies"),
        "lengths": _shares(_lengths(facts.length_bias), "Length bias", middle="no bias"),
        "pass_rates": _shares(_categories(facts.pass_rates), "Verifier pass rate by category"),
        "rejections": _counts(_rejections(facts.rejections), "Rejections by stage and reason"),
        "tokens": _counts(_tokens(facts.costs), "Tokens by stage and model"),
    }
    if facts.p_chosen:
        drawn["p_chosen"] = charts.histogram(facts.p_chosen, label="Preferences by p_chosen")
    return {name: plot for name, plot in drawn.items() if plot is not None}


def _shares(rows: list[Json], label: str, *, middle: str | None = None) -> Plot | None:
    measured = [row for row in rows if row["value"] is not None]
    return charts.shares(measured, label=label, middle=middle) if measured else None


def _counts(rows: list[Json], label: str) -> Plot | None:
    return charts.counts(rows, label=label) if any(row["value"] for row in rows) else None


def _figures(judges: list[Json], names: dict[str, str]) -> list[Json]:
    """The figures side by side, so that judges compare; by judge only where there are many."""
    return [
        {"name": words if len(judges) == 1 else f"{words} · {judge['name']}"} | judge[figure]
        for figure, words in names.items()
        for judge in judges
    ]


def _lengths(rows: list[Json]) -> list[Json]:
    quarters = [{"name": f"{row['from']:,} to {row['to']:,} chars"} | row for row in rows[1:]]
    return [*({"name": "all"} | row for row in rows[:1]), *quarters]


def _categories(rows: list[Json]) -> list[Json]:
    return [{"name": row["category"]} | row for row in rows]


def _rejections(rows: list[Json]) -> list[Json]:
    """Most frequent first."""
    totals: dict[str, int] = {}
    for row in rows:
        name = f"{row['stage']}: {row['reason']}"
        totals[name] = totals.get(name, 0) + row["rows"]
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": name, "value": total, "part": "all", "at": 0} for name, total in ranked]


def _tokens(rows: list[Json]) -> list[Json]:
    stages = Counter(row["stage"] for row in rows)
    return [
        {
            "name": row["stage"] + (f": {row['by']}" if stages[row["stage"]] > 1 else ""),
            "value": row[f"{part}_tokens"],
            "part": part,
            "at": at,
        }
        for row in rows
        for at, part in enumerate(("input", "output"))
    ]
