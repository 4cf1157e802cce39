"""The choice of plots and the rows behind each; a plot without data is left out."""

from __future__ import annotations

from collections import Counter

from prefline.report import charts
from prefline.report.charts import Plot
from prefline.report.facts import Facts, Json
from prefline.tables.gold import VERIFIER

_EVEN = {"accuracy": "accuracy", "prefers_first": "prefers first"}
_SMALL = {
    "accuracy_both_orders": "right as asked",
    "inconsistent": "order flips",
    "tie": "ties",
    "invalid": "invalid replies",
}


def draw_plots(facts: Facts) -> dict[str, Plot]:
    """Return every plot that there is data for, by name."""
    judges = [judge for judge in facts.judges if judge["method"] != VERIFIER]
    drawn = {
        "even": _shares(_figures(judges, _EVEN), "Accuracy and position", middle="chance"),
        "small": _shares(_figures(judges, _SMALL), "Order flips, ties and invalid replies"),
        "lengths": _shares(_lengths(facts.length_bias), "Length bias", middle="no bias"),
        "longer": _shares(_by_judge(facts.quality.longer), "Wins of the longer", middle="even"),
        "reliability": _shares(_by_judge(facts.quality.reliability), "Said and so"),
        "pass_rates": _shares(_categories(facts.pass_rates), "Verifier pass rate by category"),
        "rejections": _counts(_rejections(facts.rejections), "Rejections by stage and reason"),
        "tokens": _counts(_tokens(facts.costs), "Tokens by stage and model"),
    }
    if facts.p_chosen:
        drawn["p_chosen"] = charts.histogram(facts.p_chosen, label="Preferences by p_chosen")
    return {name: plot for name, plot in drawn.items() if plot is not None}


def _shares(rows: list[Json], label: str, *, middle: str | None = None) -> Plot | None:
    if not any(row.get("value") is not None for row in rows):
        return None
    return charts.shares(rows, label=label, middle=middle)


def _counts(rows: list[Json], label: str) -> Plot | None:
    return charts.counts(rows, label=label) if any(row["value"] for row in rows) else None


def _figures(judges: list[Json], names: dict[str, str]) -> list[Json]:
    """Figure by figure, so that judges compare: each under a heading where they are many."""
    rows: list[Json] = []
    for figure, words in names.items():
        measured = [judge for judge in judges if judge[figure]["value"] is not None]
        if len(judges) == 1:
            rows += [{"name": words} | one[figure] for one in measured]
        elif measured:
            named = [{"name": f"{words}\t{one['name']}"} | one[figure] for one in measured]
            rows += [{"name": words}, *named]
    return rows


def _by_judge(rows: list[Json]) -> list[Json]:
    """Judge by judge, each under a heading where they are several."""
    judges = list(dict.fromkeys(row["judge"] for row in rows))
    if len(judges) == 1:
        return rows
    found: list[Json] = []
    for judge in judges:
        mine = [row for row in rows if row["judge"] == judge]
        found += [{"name": judge}, *(row | {"name": f"{judge}\t{row['name']}"} for row in mine)]
    return found


def _lengths(rows: list[Json]) -> list[Json]:
    quarters = [{"name": f"{row['from']:,} to {row['to']:,} chars"} | row for row in rows[1:]]
    return [*({"name": "all"} | row for row in rows[:1]), *quarters]


def _categories(rows: list[Json]) -> list[Json]:
    return [{"name": row["category"]} | row for row in rows if row["value"] is not None]


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
