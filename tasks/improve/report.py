"""Rounds for people: tables for a terminal, Markdown and a DVC plot, and sentences."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from rich.table import Table

from prefline.stats.bootstrap import Figure, ratio
from tasks.improve.measure import judge_strength
from tasks.improve.paired_difference import Evidence
from tasks.improve.record import Round

HEADINGS = (
    "round", "version", "model", "held-out pass rate", "of it unseen", "reward", "wins",
    "length", "distinct", "judge right", "USD",
)  # fmt: skip


def terminal(rounds: Sequence[Round], best: int) -> Table:
    """Return a table for a console; the best round in bold."""
    table = Table(border_style="dim", header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for each in rounds:
        table.add_row(*_cells(each), style="bold" if each.number == best else None)
    return table


def markdown(rounds: Sequence[Round], best: int) -> str:
    """Return a Markdown table; the best round's number in bold."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    for each in rounds:
        number, *rest = _cells(each)
        shown = f"**{number}**" if each.number == best else number
        lines.append(f"| {' | '.join((shown, *rest))} |")
    return "\n".join(lines) + "\n"


def csv_text(rounds: Sequence[Round], best: int) -> str:
    """Return CSV: a row a round with plain numbers, empty where nothing was measured."""
    out = io.StringIO()
    rows = [_numbers(each, best) for each in rounds]
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["round"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _numbers(row: Round, best: int) -> dict[str, object]:
    gold, unseen = _rate(row.held_out), _rate(row.unseen)
    judge = row.judge or Figure(None, None, None, 0)
    return {
        "round": row.number, "version": row.version, "model": row.model,
        "best": int(row.number == best),
        "gold": gold.value, "gold_low": gold.low, "gold_high": gold.high,
        "unseen": unseen.value, "unseen_low": unseen.low, "unseen_high": unseen.high,
        "reward": _mean(row.proxy), "wins": _mean(row.wins),
        "mean_length": row.mean_length, "distinct": row.distinct,
        "judge": judge.value, "judge_low": judge.low, "judge_high": judge.high,
        "cost_usd": row.cost_usd,
    }  # fmt: skip


def _cells(row: Round) -> tuple[str, ...]:
    reward = _mean(row.proxy)
    return (
        str(row.number),
        str(row.version) if row.version else "-",
        row.model,
        _share(_rate(row.held_out)),
        _share(_rate(row.unseen)),
        "-" if reward is None else f"{reward:.3f}",
        _share(_rate(row.wins)),
        f"{row.mean_length:.0f}",
        f"{row.distinct:.2f}",
        _share(row.judge),
        f"{row.cost_usd:.2f}",
    )


def _rate(outcomes: Mapping[str, float]) -> Figure:
    # Sorted, so that the interval's draws fall on the same prompts whatever their order.
    prompts = sorted(outcomes)
    return ratio([outcomes[prompt] for prompt in prompts], [1.0] * len(prompts), prompts)


def _mean(values: Mapping[str, float]) -> float | None:
    return sum(values[prompt] for prompt in sorted(values)) / len(values) if values else None


def _share(figure: Figure | None) -> str:
    if figure is None or figure.value is None or figure.low is None or figure.high is None:
        return "-"
    return f"{figure.value:.1%} [{figure.low:.1%}, {figure.high:.1%}]"


_STRENGTHS = {
    "stronger": "stronger than the policy",
    "unclear": "not surely stronger than the policy: measure it on more pairs",
    "not_stronger": "no stronger than the policy",
}


def describe_difference(since: Sequence[Round], evidence: Evidence) -> str:
    """Describe the rounds after the best one, the first of `since`, against it."""
    best = since[0].number
    if len(since) == 1:
        return f"round {best} is the best so far"
    later = f"round {since[1].number}"
    if since[1] is not since[-1]:
        later = f"rounds {since[1].number} to {since[-1].number} together"
    difference = evidence.difference
    if difference.value is None:
        return (
            f"{later} cannot be compared with round {best}: {difference.n} held-out prompts in "
            "common"
        )
    by = "passes" if evidence.measure == "gold" else "wins above even"
    return (
        f"round {best} is the best so far; {later} against it: {difference.value:+.3f} "
        f"[{difference.low:+.3f}, {difference.high:+.3f}] {by} on {difference.n} prompts"
    )


def describe_judge(latest: Round) -> str:
    """Describe the judge's strength against the policy whose outputs it judged last."""
    judge = latest.judge
    if judge is None:
        return "no judge's word is in the labels of the last round, or none was measured"
    if judge.value is None or judge.low is None or judge.high is None:
        return "how strong the judge is could not be measured: no check decides any of its pairs"
    return (
        f"the judge is right on {judge.value:.0%} [{judge.low:.0%}, {judge.high:.0%}] of "
        f"{judge.n} checked pairs of the policy's own outputs: {_STRENGTHS[judge_strength(judge)]}"
    )
