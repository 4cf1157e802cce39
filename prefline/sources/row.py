"""A row as every reader gives it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefline.errors import InputError

Row = tuple[str, Mapping[str, Any]]
"""Where it is ("prompts.jsonl, row 3"), for messages, and its values by column."""

MOST_BYTES = 64 << 20
"""Of one row: no conversation is that long, and a reader holds one row in memory."""


def too_large(place: str, field: str) -> InputError:
    """The error for a row that is larger than `MOST_BYTES`."""
    return InputError(
        f"{place}: {field} is larger than {MOST_BYTES >> 20} MiB",
        "see whether a whole file was put there, or its line breaks are missing; drop that row",
    )


def not_utf8(path: Path, error: UnicodeDecodeError) -> InputError:
    """The error for a text file in another encoding; names the first line that is not UTF-8."""
    return InputError(
        f"{path.name}, line {_first_bad_line(path)}: not UTF-8: {error.reason}",
        f"save it as UTF-8, such as with `iconv -f latin1 -t utf-8 {path.name}`",
    )


def _first_bad_line(path: Path) -> int:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return number
