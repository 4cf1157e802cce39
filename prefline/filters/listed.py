"""Words that no prompt is to hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from prefline.errors import InputError
from prefline.filters.faults import Find
from prefline.filters.text import normal


def read_words(path: Path) -> list[str]:
    """Words and phrases of a file, one on each line; what follows `#` is a comment.

    Raises `InputError` for a file that is missing, no UTF-8, or empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist", "correct sample.filters.words") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error}", "save it as UTF-8") from error
    found = [word for line in lines if (word := line.split("#")[0].strip())]
    if not found:
        raise InputError(f"{path} has no words", "give one word or phrase on each line")
    return found


def listed(words: Iterable[str]) -> Find:
    """A text that holds one of the words or phrases, whole and in any letter case."""
    ordered = sorted({normal(word) for word in words}, key=lambda word: (-len(word), word))
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)")

    def find(text: str) -> str | None:
        found = pattern.search(normal(text))
        return f"holds {found.group()!r}" if found else None

    return find
