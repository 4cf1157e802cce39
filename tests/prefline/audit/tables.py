"""Small audit tables, written as a person would tell them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.audit.report import audit

Row = dict[str, Any]


def row(pair: str, verdict: str | None = None, *, turned: bool = False, **more: Any) -> Row:
    """A verdict of judge "j" on responses pair-a and pair-b; `turned` shows b first."""
    ids = (f"{pair}-b", f"{pair}-a") if turned else (f"{pair}-a", f"{pair}-b")
    said = {"pair_id": pair, "judge": "j", "first_id": ids[0], "second_id": ids[1]}
    return said | ({} if verdict is None else {"verdict": verdict}) | more


def write(path: Path, rows: list[Row]) -> Path:
    """The rows as a file of the kind that its ending says."""
    names = list(dict.fromkeys(name for one in rows for name in one))
    if path.suffix == ".jsonl":
        path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in rows))
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, names, restval="")
            writer.writeheader()
            writer.writerows(rows)
    else:
        pq.write_table(pa.table({n: [one.get(n) for one in rows] for n in names}), path)
    return path


def audited(folder: Path, rows: list[Row], **options: Any) -> dict[str, Any]:
    """The report on these rows."""
    return audit(write(folder / "verdicts.parquet", rows), **options)


def judged(folder: Path, rows: list[Row]) -> dict[str, float | None]:
    """The values of the figures of judge "j"."""
    figures = audited(folder, rows)["judges"]["j"]
    return {name: one["value"] for name, one in figures.items() if _is_figure(one)}


def _is_figure(one: Any) -> bool:
    return isinstance(one, dict) and "value" in one
