"""Prompts that an evaluation set holds: a model trained on them would be tested on its training
data.

A prompt leaks if it shares a run of words with a text of the set (13 of them, as in Brown et al.
2020, arXiv 2005.14165, appendix C), letter case and signs aside; a shorter one if it is, as a
whole, the same as a text of the set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

from pydantic import Field

from prefline.config import Benchmark
from prefline.errors import InputError
from prefline.filters.base import Check, RowFilter
from prefline.filters.text import words
from prefline.sources import read_rows, watched_file

RUN = 13
_HASH_BYTES = 8


class BenchmarkFilter(RowFilter):
    """Reject prompts that hold a part of an evaluation set."""

    reason = "benchmark_leak"
    shorthand = "tables"

    tables: tuple[Benchmark, ...] = Field(description="sets that must not leak")
    run: int = Field(
        RUN, ge=4, description="words in a row that a prompt must not share with a benchmark"
    )

    def check(self, root: Path) -> Check:
        """Return the check for texts of the tables. Raises what `read_benchmarks` does."""
        return read_benchmarks(self.tables, self.run, root)


class BenchmarkIndex:
    """The runs of words of evaluation sets, by the set's name; 60-100 bytes of memory a word."""

    def __init__(self, texts_by_set: Mapping[str, Iterable[str]], run: int = RUN) -> None:
        self._run = run
        self._runs: dict[int, str] = {}
        self._whole_texts: dict[int, str] = {}
        for name, texts in texts_by_set.items():
            for text in texts:
                self._add(words(text), name)

    def _add(self, text_words: Sequence[str], name: str) -> None:
        if text_words:
            self._whole_texts.setdefault(_hash(text_words), name)
        for run_hash in _run_hashes(text_words, self._run):
            self._runs.setdefault(run_hash, name)

    def __call__(self, text: str) -> str | None:
        """Return which set holds a part of the text, and the part; None if none does."""
        text_words = words(text)
        if len(text_words) < self._run:
            name = self._whole_texts.get(_hash(text_words)) if text_words else None
            return f"is in {name}" if name else None
        for start, run_hash in enumerate(_run_hashes(text_words, self._run)):
            if run_hash in self._runs:
                shared = " ".join(text_words[start : start + self._run])
                return f"shares with {self._runs[run_hash]}: {shared}"
        return None


def read_benchmarks(benchmarks: Sequence[Benchmark], run: int, root: Path) -> BenchmarkIndex:
    """Return an index of the benchmarks' texts.

    Raises `InputError` for a table that is missing, outside of data/imported/benchmarks, without
    rows, or without the column.
    """
    return BenchmarkIndex({table.path: _texts(table, root) for table in benchmarks}, run)


def _texts(benchmark: Benchmark, root: Path) -> Iterator[str]:
    path, is_empty = watched_file(root, benchmark.path, "data/imported/benchmarks"), True
    for place, row in read_rows(path):
        text, is_empty = row.get(benchmark.column), False
        if not isinstance(text, str):
            raise InputError(
                f"{place}: field {benchmark.column!r} is missing or not text",
                "name the column with the text under `column` of the benchmark",
            )
        yield text
    if is_empty:
        raise InputError(f"{path} has no rows", "give a benchmark with at least one text")


def _run_hashes(text_words: Sequence[str], run: int) -> Iterator[int]:
    for start in range(len(text_words) - run + 1):
        yield _hash(text_words[start : start + run])


def _hash(text_words: Sequence[str]) -> int:
    digest = blake2b(" ".join(text_words).encode(), digest_size=_HASH_BYTES).digest()
    return int.from_bytes(digest)
