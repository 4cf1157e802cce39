"""The rounds as a table: for a terminal, for Markdown, and as CSV for a DVC plot."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from rich.table import Table

from prefline.stats.bootstrap import Figure, ratio
from tasks.improve.record import Round

HEADINGS = (
    "round", "version", "model", "held-out pass rate", "of it unseen", "reward", "wins",
    "length", "distinct", "judge right", "USD",
)  # fmt: skip


def terminal(rounds: Sequence[Round], best: int) -> Table:
    """For a console; the best round in bold."""
    table = Table(border_style="dim", header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for one in rounds:
        table.add_row(*_cells(one), style="bold" if one.number == best else None)
    return table


def markdown(rounds: Sequence[Round], best: int) -> str:
    """A Markdown table; the best round's number in bold."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    for one in rounds:
        number, *rest = _cells(one)
        shown = f"**{number}**" if one.number == best else number
        lines.append(f"| {' | '.join((shown, *rest))} |")
    return "\n".join(lines) + "\n"


def csv_text(rounds: Sequence[Round], best: int) -> str:
    """One row a round with plain numbers, empty where nothing was measured; `best` is 1 or 0."""
    out = io.StringIO()
    rows = [_numbers(one, best) for one in rounds]
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["round"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _numbers(one: Round, best: int) -> dict[str, object]:
    gold, unseen = _rate(one.held_out), _rate(one.unseen)
    judge = one.judge or Figure(None, None, None, 0)
    return {
        "round": one.number, "version": one.version, "model": one.model,
        "best": int(one.number == best),
        "gold": gold.value, "gold_low": gold.low, "gold_high": gold.high,
        "unseen": unseen.value, "unseen_low": unseen.low, "unseen_high": unseen.high,
        "reward": _mean(one.proxy), "wins": _mean(one.wins),
        "mean_length": one.mean_length, "distinct": one.distinct,
        "judge": judge.value, "judge_low": judge.low, "judge_high": judge.high,
        "cost_usd": one.cost_usd,
    }  # fmt: skip


def _cells(one: Round) -> tuple[str, ...]:
    reward = _mean(one.proxy)
    return (
        str(one.number),
        str(one.version) if one.version else "-",
        one.model,
        _share(_rate(one.held_out)),
        _share(_rate(one.unseen)),
        "-" if reward is None else f"{reward:.3f}",
        _share(_rate(one.wins)),
        f"{one.mean_length:.0f}",
        f"{one.distinct:.2f}",
        _share(one.judge),
        f"{one.cost_usd:.2f}",
    )


def _rate(outcomes: Mapping[str, float]) -> Figure:
    # Sorted, so that the interval's draws fall on the same prompts whatever their order.
    prompts = sorted(outcomes)
    return ratio([outcomes[one] for one in prompts], [1.0] * len(prompts), prompts)


def _mean(values: Mapping[str, float]) -> float | None:
    return sum(values[one] for one in sorted(values)) / len(values) if values else None


def _share(figure: Figure | None) -> str:
    if figure is None or figure.value is None or figure.low is None or figure.high is None:
        return "-"
    return f"{figure.value:.1%} [{figure.low:.1%}, {figure.high:.1%}]"
