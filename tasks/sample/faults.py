"""What is looked for in each prompt by itself, as params say: reasons, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prefline.errors import InputError
from prefline.filters.faults import Find, broken_unicode, empty, in_other_language, longer_than
from prefline.filters.leaks import Leaks
from prefline.filters.listed import listed, read_words
from prefline.filters.personal import personal_data
from prefline.params import Benchmark, FilterParams, SampleParams
from prefline.sources import given_file, read_rows

Fault = tuple[str, Find]


def faults_of(params: SampleParams, root: Path) -> list[Fault]:
    """Each reason to reject a prompt, with what finds it.

    Raises `InputError` for a list of words or a benchmark that is missing, outside of its folder,
    or not as it should be.
    """
    given = params.filters
    found: list[Fault] = [
        ("empty", empty),
        ("broken_unicode", broken_unicode),
        ("too_long", longer_than(params.max_characters)),
    ]
    if given.languages is not None:
        found.append(("language", in_other_language(given.languages, given.language_letters)))
    if given.words is not None:
        path = given_file(root, given.words, "data/imported/words")
        found.append(("listed_word", listed(read_words(path))))
    if given.personal == "reject":
        found.append(("personal_data", _personal(given)))
    if given.benchmarks:
        found.append(("benchmark_leak", read_leaks(given, root)))
    return found


def _personal(given: FilterParams) -> Find:
    def find(text: str) -> str | None:
        kinds = sorted({one.kind for one in personal_data(text, given.phone_region)})
        return f"holds {', '.join(kinds)}" if kinds else None

    return find


def read_leaks(given: FilterParams, root: Path) -> Leaks:
    """What the benchmarks hold. Raises `InputError` as `faults_of` does."""
    return Leaks({one.path: _texts(one, root) for one in given.benchmarks}, given.benchmark_run)


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
