"""Prompts that an evaluation set holds already."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prefline.filters.leaks import BenchmarkIndex

WORDS = [f"word{n}" for n in range(30)]
LONG = " ".join(WORDS)


def test_a_run_of_thirteen_words_is_a_leak_and_twelve_are_not() -> None:
    leaks = BenchmarkIndex({"bench.jsonl": [LONG]})

    assert leaks("before " + " ".join(WORDS[5:18]) + " after") is not None
    assert leaks("before " + " ".join(WORDS[5:17]) + " after that and much more to say") is None


def test_letter_case_and_signs_do_not_hide_one() -> None:
    found = BenchmarkIndex({"bench.jsonl": [LONG]})(", ".join(WORDS[:13]).upper())

    assert found == f"shares with bench.jsonl: {' '.join(WORDS[:13])}"


def test_a_short_prompt_leaks_only_as_a_whole() -> None:
    leaks = BenchmarkIndex({"bench.jsonl": ["What is the capital of France?", LONG]})

    assert leaks("what is the capital of france") == "is in bench.jsonl"
    assert leaks("What is the capital of France called?") is None
    assert leaks("word1 word2") is None
    assert leaks("?!") is None


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40))
def test_every_text_of_a_set_leaks(said: list[str]) -> None:
    text = " ".join(said)

    assert BenchmarkIndex({"b": [LONG, text]})(text) is not None
