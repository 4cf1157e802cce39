"""What is looked for in each prompt by itself, as params say: reasons, in their order."""

from __future__ import annotations

from pathlib import Path

from prefline.config import FilterParams, SampleParams
from prefline.filters.benchmarks import read_leaks
from prefline.filters.faults import Find, broken_unicode, empty, in_other_language, longer_than
from prefline.filters.listed import listed, read_words
from prefline.filters.personal import personal_data
from prefline.sources import given_file

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
        found.append(("benchmark_leak", read_leaks(given.benchmarks, given.benchmark_run, root)))
    return found


def _personal(given: FilterParams) -> Find:
    def find(text: str) -> str | None:
        kinds = sorted({one.kind for one in personal_data(text, given.phone_region)})
        return f"holds {', '.join(kinds)}" if kinds else None

    return find
