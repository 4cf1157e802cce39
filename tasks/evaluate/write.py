"""The files of an evaluation: figures for people and DVC, outcomes for the rounds."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from prefline.tables import REJECTIONS, table_from_rows
from prefline.tables.metrics import write_metrics
from tasks.evaluate.trial import Evaluation
from tasks.evaluate.wording import sentences

METRICS, FIGURES, SUMMARY = "metrics.json", "figures.csv", "summary.txt"
OUTCOMES, LEFT_OUT = "outcomes.json", "left_out.parquet"
_FIGURE = {"value", "low", "high", "n"}


def write_evaluation(draft: Path, found: Evaluation) -> None:
    """Write every figure as JSON, those with intervals as CSV too, what they say in sentences,
    outcomes by prompt, and what is in no figure."""
    figures, left_out = found.figures, found.left_out
    write_metrics(draft / METRICS, figures)
    write_metrics(draft / OUTCOMES, found.outcomes)
    with (draft / FIGURES).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("figure", "value", "low", "high", "n"))
        for name, one in intervals_in(figures):
            writer.writerow((name, one["value"], one["low"], one["high"], one["n"]))
    (draft / SUMMARY).write_text(
        "".join(f"{one}\n" for one in sentences(figures)), encoding="utf-8"
    )
    rows = sorted((asdict(one) for one in left_out), key=lambda row: (row["kind"], row["id"]))
    pq.write_table(table_from_rows(rows, REJECTIONS), draft / LEFT_OUT, compression="zstd")


def intervals_in(figures: Any, name: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every figure with an interval, and where it is: `passes.seen.pass_rate`. Those of
    categories, templates and lengths are left to the JSON."""
    if not isinstance(figures, Mapping):
        return
    if set(figures) == _FIGURE:
        if figures["value"] is not None:
            yield name, figures
        return
    for key, value in figures.items():
        if not key.startswith("by_"):
            yield from intervals_in(value, f"{name}.{key}".lstrip("."))
