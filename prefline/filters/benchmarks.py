"""Evaluation sets from their tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from prefline.config import Benchmark
from prefline.errors import InputError
from prefline.filters.leaks import Leaks
from prefline.sources import given_file, read_rows


def read_leaks(benchmarks: Sequence[Benchmark], run: int, root: Path) -> Leaks:
    """What the benchmarks hold, to be looked for in prompts.

    Raises `InputError` for a table that is missing, outside of data/imported/benchmarks, without
    rows, or without the column.
    """
    return Leaks({one.path: _texts(one, root) for one in benchmarks}, run)


def _texts(benchmark: Benchmark, root: Path) -> Iterator[str]:
    path, seen = given_file(root, benchmark.path, "data/imported/benchmarks"), False
    for place, row in read_rows(path):
        text, seen = row.get(benchmark.column), True
        if not isinstance(text, str):
            raise InputError(
                f"{place}: field {benchmark.column!r} is missing or not text",
                "name the column with the text under `column` of the benchmark",
            )
        yield text
    if not seen:
        raise InputError(f"{path} has no rows", "give a benchmark with at least one text")
