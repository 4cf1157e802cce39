"""Metrics of a stage: JSON that DVC compares between runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from prefline.tables.parts import disk_errors


def write_metrics(path: Path, figures: dict[str, Any]) -> None:
    """Write figures as JSON with sorted keys, by an atomic rename. Raises `DiskFull`."""
    draft = path.with_name(f".{path.name}.draft")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        draft.rename(path)
