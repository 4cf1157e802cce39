"""Medians over repeats, as a Markdown table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from statistics import median

from benchmarks.engine.peers.race import Run

_HEAD = "| job | entrant | runs | wall s | CPU s | CPU s per 1,000 calls | peak MB |"
_RULE = "|---|---|---:|---:|---:|---:|---:|"


def table(runs: Iterable[Run]) -> str:
    """One row per job and entrant; runs with a problem are left out and counted."""
    ordered = sorted(runs, key=_group)
    return "\n".join([_HEAD, _RULE, *(_row(list(group)) for _, group in groupby(ordered, _group))])


def _group(run: Run) -> tuple[str, str]:
    return run.job, run.entrant


def _row(runs: list[Run]) -> str:
    good = [run for run in runs if not run.problems]
    counted = f"{len(good)}" if len(good) == len(runs) else f"{len(good)} of {len(runs)}"
    names = [runs[0].job, runs[0].entrant, counted]
    return f"| {' | '.join(names + _medians(good))} |"


def _medians(runs: list[Run]) -> list[str]:
    measures: list[tuple[Callable[[Run], float], str]] = [
        (lambda run: run.cost.wall_s, ".2f"),
        (lambda run: run.cost.cpu_s, ".2f"),
        (lambda run: run.cost.cpu_s / run.calls * 1000, ".2f"),
        (lambda run: run.cost.peak_mb, ".0f"),
    ]
    return [format(median(map(of, runs)), form) if runs else "-" for of, form in measures]
