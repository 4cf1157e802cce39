"""Prompts that an evaluation set holds already: a model trained on them would be tested on what it
was taught.

A prompt leaks if it shares a run of words with a text of the set (13 of them, as in Brown et al.
2020, arXiv 2005.14165, appendix C), letter case and signs aside; and one that is shorter if it is,
as a whole, the same as a text of the set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b

from prefline.filters.text import words

RUN = 13
_BYTES = 8


class Leaks:
    """The runs of words of evaluation sets, by the set's name; 60-100 bytes of memory a word."""

    def __init__(self, sets: Mapping[str, Iterable[str]], run: int = RUN) -> None:
        self._run = run
        self._runs: dict[int, str] = {}
        self._short: dict[int, str] = {}
        for name, texts in sets.items():
            for text in texts:
                self._note(words(text), name)

    def _note(self, said: Sequence[str], name: str) -> None:
        if said:
            self._short.setdefault(_hash(said), name)
        for each in _runs(said, self._run):
            self._runs.setdefault(each, name)

    def __call__(self, text: str) -> str | None:
        """Which set holds a part of the text; None if none does."""
        said = words(text)
        if len(said) < self._run:
            name = self._short.get(_hash(said)) if said else None
            return f"is in {name}" if name else None
        for place, each in enumerate(_runs(said, self._run)):
            if each in self._runs:
                shared = " ".join(said[place : place + self._run])
                return f"shares with {self._runs[each]}: {shared}"
        return None


def _runs(said: Sequence[str], run: int) -> Iterator[int]:
    for start in range(len(said) - run + 1):
        yield _hash(said[start : start + run])


def _hash(said: Sequence[str]) -> int:
    return int.from_bytes(blake2b(" ".join(said).encode(), digest_size=_BYTES).digest())
