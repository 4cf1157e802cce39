"""What an entrant has written, read back and checked: one row per call, none without a text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.engine.peers.jobs import Options

Row = dict[str, Any]


def problem(asked: Options, pattern: str) -> str | None:
    """What is wrong with the rows of `pattern` below the output folder; None if nothing is."""
    keys = asked.job.keys
    files = sorted(asked.output.glob(pattern))
    found = [tuple(row[key] for key in keys) for row in _rows(files) if row.get("text")]
    expected = {tuple(call[key] for key in keys) for call in asked.calls()}
    missing, extra = len(expected - set(found)), len(found) - len(expected & set(found))
    return f"{missing} rows missing, {extra} too many" if missing or extra else None


def _rows(files: list[Path]) -> list[Row]:
    return [row for file in files for row in _READERS[file.suffix](file)]


def _jsonl(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _arrow(path: Path) -> list[Row]:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_stream(source).read_all().to_pylist()


def _parquet(path: Path) -> list[Row]:
    return [_judged(row) if "verdict" in row else row for row in pq.read_table(path).to_pylist()]


def _judged(row: Row) -> Row:
    """A row of Prefline's `judgments`: the pair and the order from the ids, which
    `benchmarks/engine/stage.py` makes so, and the verdict as the text."""
    pair, _, side = row["first_id"].rpartition("-")
    order = "forward" if side == "first" else "backward"
    text = "" if row["verdict"] == "invalid" else row["verdict"]
    return {"pair_id": pair, "order": order, "text": text}


_READERS: dict[str, Callable[[Path], list[Row]]] = {
    ".jsonl": _jsonl,
    ".arrow": _arrow,
    ".parquet": _parquet,
}
