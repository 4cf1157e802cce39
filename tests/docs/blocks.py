"""The fenced blocks of a page, and why some of them are not run."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCED = re.compile(
    r"(?:^<!-- not run: (?P<why>[^>]+?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its language, its text, its line in the page, and why it is not run, if so."""

    language: str
    text: str
    line: int
    not_run: str | None


def blocks_of(page: str) -> list[Block]:
    """All blocks of a page, in their order."""
    return [
        Block(
            language=found["language"],
            text=found["text"],
            line=page.count("\n", 0, found.start("language")) + 1,
            not_run=found["why"],
        )
        for found in _FENCED.finditer(page)
    ]
