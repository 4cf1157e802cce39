"""The filter of prompts that hold a listed word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from prefline.errors import InputError
from prefline.filters.base import Check, RowFilter
from prefline.filters.text import normalize
from prefline.sources import watched_file


class WordFilter(RowFilter):
    """Reject prompts that hold a word or phrase of a list, whole and in any letter case."""

    reason = "listed_word"
    shorthand = "path"

    path: str = Field(
        min_length=1, description="in data/imported/words; a word or phrase on each line"
    )

    def check(self, root: Path) -> Check:
        """Return the check for the words of the list. Raises what `read_word_list` does."""
        return match_words(read_word_list(watched_file(root, self.path, "data/imported/words")))


def read_word_list(path: Path) -> list[str]:
    """Return the words and phrases of a file, one on each line; what follows `#` is a comment.

    Raises `InputError` for a file that is missing, no UTF-8, or empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist", "correct sample.filters.words") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error}", "save it as UTF-8") from error
    words = [word for line in lines if (word := line.split("#")[0].strip())]
    if not words:
        raise InputError(f"{path} has no words", "give one word or phrase on each line")
    return words


def match_words(words: Iterable[str]) -> Check:
    """Return a check for texts that hold one of the words or phrases."""
    ordered = sorted({normalize(word) for word in words}, key=lambda word: (-len(word), word))
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)")

    def find(text: str) -> str | None:
        match = pattern.search(normalize(text))
        return f"holds {match.group()!r}" if match else None

    return find
