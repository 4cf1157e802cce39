"""Prompts and pairs of about 1 KB of varied text, the same ones for the same seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

_CHARACTERS = 1000
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pru", "ras", "sel", "tin",
              "vor", "wex", "zam", "é", "ß")  # fmt: skip
_ENDS = (". ", "? ", ".\n\n", ' "so". ')


def write_prompts(path: Path, rows: int, seed: int = 0) -> None:
    """Write `rows` rows of the job `generate`."""
    writer = _Writer(seed)
    _write(path, ({"prompt_id": f"p{at:06d}", "prompt": writer.text()} for at in range(rows)))


def write_pairs(path: Path, rows: int, seed: int = 0) -> None:
    """Write `rows` rows of the job `judge`: two calls each."""
    writer = _Writer(seed)
    fields = ("prompt", "first", "second")
    texts = ({field: writer.text() for field in fields} for _ in range(rows))
    _write(path, ({"pair_id": f"q{at:06d}", **text} for at, text in enumerate(texts)))


def texts(count: int, seed: int = 0) -> list[str]:
    """`count` texts."""
    writer = _Writer(seed)
    return [writer.text() for _ in range(count)]


class _Writer:
    """Draws texts of invented words, in sentences and paragraphs."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._words = ["".join(self._draw.choices(_SYLLABLES, k=k % 3 + 1)) for k in range(2000)]

    def text(self) -> str:
        """About 1,000 characters, half as many or half as many again."""
        length = self._draw.randint(_CHARACTERS // 2, _CHARACTERS * 3 // 2)
        text = ""
        while len(text) < length:
            words = self._draw.choices(self._words, k=self._draw.randint(4, 16))
            text += " ".join(words).capitalize() + self._draw.choice(_ENDS)
        return text.strip()


def _write(path: Path, rows: Iterator[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
