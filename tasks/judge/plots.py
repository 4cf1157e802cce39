"""The run's figures as CSV, for `dvc plots`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

_COLUMNS = ("value", "low", "high")
_OF_JUDGES = ("accuracy_both_orders", "inconsistent", "prefers_first", "win_rate_longer", "tie",
              "invalid")  # fmt: skip
_OF_MODELS = ("win_rate", "length_controlled_win_rate")


def write_plots(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write `figures.csv` (shares by judge), `models.csv` (win rates) and `pass_rates.csv`."""
    judges, models = metrics["judges"], metrics["models"]
    figures = [
        ({"figure": f"{name}: {figure.replace('_', ' ')}"}, judge[figure])
        for name, judge in judges.items()
        for figure in _OF_JUDGES
    ]
    wins = [
        ({"model": f"{name}: {figure.replace('_', ' ')}"}, model[figure])
        for name, model in models.items()
        for figure in _OF_MODELS
    ]
    rates = metrics["pass_rate"]["by_category"].items()
    _write(folder / "figures.csv", "figure", figures)
    _write(folder / "models.csv", "model", wins)
    _write(folder / "pass_rates.csv", "category", [({"category": c}, one) for c, one in rates])


def _write(path: Path, name: str, rows: Iterable[tuple[dict[str, str], Mapping[str, Any]]]) -> None:
    measured = [
        named | {column: figure[column] for column in _COLUMNS}
        for named, figure in rows
        if figure["value"] is not None
    ]
    numbers: list[pa.Field[Any]] = [pa.field(column, pa.float64()) for column in _COLUMNS]
    schema = pa.schema([pa.field(name, pa.string()), *numbers])
    pyarrow.csv.write_csv(pa.Table.from_pylist(measured, schema), path)
