"""Metrics of a stage: JSON that DVC compares between runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from prefline.atomic import atomic_write


def write_metrics(path: Path, figures: dict[str, Any]) -> None:
    """Write figures as JSON with sorted keys, by an atomic rename. Raises `DiskFull`."""
    with atomic_write(path) as file:
        file.write(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
