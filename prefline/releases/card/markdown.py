"""Text of any kind as Markdown that cannot change the page it stands on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prefline.releases.card import Figure
from prefline.text import visible

_LONGEST = 300  # characters of a text in a sentence or a table
_LONGEST_IN_SAMPLE = 600
# What means something anywhere, within words not; in addresses; at the beginning alone.
_SPECIAL = re.compile(r"([\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|(?<=www)\.)")
_FIRST = re.compile(r"^(\d+(?=[.)](?:\s|$))|(?=[-+>#=]))")
_HTML = {"&": "&amp;", "<": "&lt;"}


def plain(text: Any, longest: int = _LONGEST) -> str:
    """Return a text as one line that Markdown and HTML show as it is, cut where it is longer."""
    one_line = visible(shortened(" ".join(str(text).split()), longest))
    escaped = _FIRST.sub(r"\1\\", _SPECIAL.sub(r"\\\1", one_line))
    return "".join(_HTML.get(letter, letter) for letter in escaped)


def shortened(text: str, longest: int) -> str:
    """Cut a text, and say how much is missing."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]} [... {len(text) - longest:,} more characters]"


def code(value: Any) -> str:
    """Return a value as a block of JSON, texts in it cut. What could end the block, or be taken for
    a tag by a reader that knows no blocks, stands as JSON's own escapes."""
    text = visible(json.dumps(_cut(value), ensure_ascii=False, indent=2))
    for letter in "`<":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return f"```json\n{text}\n```"


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return shortened(value, _LONGEST_IN_SAMPLE)
    if isinstance(value, Mapping):
        return {name: _cut(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [_cut(item) for item in value]
    return value


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table; numbers stand to the right. Cells are made `plain`."""
    cells = [[_cell(value) for value in row] for row in rows]
    kinds = ["---:" if _numeric(column) else "---" for column in zip(*cells, strict=True)]
    lines = [" | ".join(head), " | ".join(kinds or ["---"] * len(head))]
    return "\n".join(f"| {line} |" for line in [*lines, *(" | ".join(row) for row in cells)])


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else plain(value)


def _numeric(cells: Iterable[str]) -> bool:
    return all(re.fullmatch(r"[\d,.]+", cell) for cell in cells)


def interval(figure: Figure, *, share: bool = True) -> str:
    """Return a figure with its 95 % interval."""
    if figure.get("value") is None:
        return "not measured"
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if low is None or high is None:
        return f"{value:.0%}" if share else f"{value:.2f}"
    shown = [f"{number:.0%}" if share else f"{number:.2f}" for number in (value, low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"
