"""Which prompts are kept; what becomes of the others is never left unsaid."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import FilterParams, SampleParams
from prefline.errors import InputError
from prefline.tables.prompts import Prompt, prompt_from_row
from tasks.sample import Filtered, FilterRunner, filter_prompts
from tasks.sample.duplicates import index_prompts
from tasks.sample.filtering import RowChecks, prepare_row_checks

LONG = "write a story about a small dog that lives by the sea and likes to dig holes in the sand"
SECTION = {"sources": [{"name": "s", "path": "p.jsonl"}], "max_characters": 150}
NEARER = {"threshold": 0.8}
TEXTS = st.lists(
    st.sampled_from(
        ["", "  ", "a", "A.", "b", "c" * 200, "bad \ufffd text", LONG, f"{LONG} today"]
    ),
    max_size=20,
)  # fmt: skip


def prompts(texts: list[str]) -> list[Prompt]:
    return [prompt_from_row({"prompt": text}, "s", "here") for text in texts]


def filtered(read: list[Prompt], root: Path = Path(), **filters: Any) -> Filtered:
    params = SampleParams.model_validate(SECTION | {"filters": filters})
    runner = FilterRunner(prepare_row_checks(params, root))
    return filter_prompts(read, runner, params.filters)


def reasons(kept: Filtered) -> list[str]:
    return sorted(one.reason for one in kept.rejected)


def said(kept: Filtered) -> list[str]:
    return [one.text for one in kept.kept]


@given(TEXTS)
def test_every_prompt_is_kept_or_rejected_or_a_counted_copy(texts: list[str]) -> None:
    sampled = filtered(prompts(texts))
    kept = {one.prompt_id for one in sampled.kept}
    rejected = {one.id for one in sampled.rejected}

    assert not kept & rejected
    assert kept | rejected == {one.prompt_id for one in prompts(texts)}
    assert len(texts) == len(kept) + len(rejected) + sampled.duplicates


@given(TEXTS, st.integers())
def test_the_order_of_the_source_does_not_matter(texts: list[str], seed: int) -> None:
    shuffled = random.Random(seed).sample(texts, len(texts))

    one, other = filtered(prompts(texts)), filtered(prompts(shuffled))
    assert one.kept == other.kept
    assert set(one.rejected) == set(other.rejected)


@given(TEXTS)
def test_filtering_twice_is_filtering_once(texts: list[str]) -> None:
    once = filtered(prompts(texts)).kept
    twice = filtered(once)

    assert twice.kept == once
    assert twice.rejected == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("  ", "empty"), ("c" * 200, "too_long"), ("bad \ufffd", "broken_unicode"),
        ("caf\u00c3\u00a9 au lait", "broken_unicode"),
    ],
)  # fmt: skip
def test_a_rejected_prompt_has_a_named_reason(text: str, reason: str) -> None:
    assert reasons(filtered(prompts([text]))) == [reason]


def test_of_alike_prompts_one_stays_and_the_others_name_it() -> None:
    kept = filtered(prompts([LONG, f"{LONG.upper()}.", f"{LONG} today"]), near_duplicates=NEARER)
    (stays,) = kept.kept

    assert len(kept.rejected) == 2
    assert all(f"of {stays.prompt_id}" in (one.detail or "") for one in kept.rejected)
    assert set(reasons(kept)) <= {"duplicate", "near_duplicate"}


def test_a_sum_is_not_another_sum() -> None:
    texts = ["What is 3 + 5?", "What is 3 - 5?", "What is 3 + 6?", "what is  3 + 5"]

    assert len(filtered(prompts(texts)).kept) == 3


def test_what_was_kept_before_stays_and_what_is_near_to_it_goes() -> None:
    known = prompts([f"{LONG} today"])
    filters = FilterParams.model_validate({"near_duplicates": NEARER})
    index = index_prompts(known, *filters.active)
    found = filter_prompts(prompts([LONG, "a"]), FilterRunner(RowChecks()), filters, index)

    assert said(found) == ["a"]
    assert known[0].prompt_id in (found.rejected[0].detail or "")


def test_another_language_is_rejected_where_there_is_enough_text_to_tell() -> None:
    german = "Bitte schreibe mir einen kurzen Brief an meine Nachbarn, weil wir verreisen."
    kept = filtered(prompts([german, "Guten Tag", LONG]), languages=["en"])

    assert reasons(kept) == ["language"]
    assert sorted(said(kept)) == ["Guten Tag", LONG]


def test_personal_data_is_rejected_or_taken_out() -> None:
    text = "Write to ana@example.org, or call +1 202-456-1111."
    assert reasons(filtered(prompts([text]), personal="reject")) == ["personal_data"]
    redacted = filtered(prompts([text, "Hello."]), personal="redact")

    assert sorted(said(redacted)) == ["Hello.", "Write to [email], or call [phone]."]
    texts = prompts(["Write to [email], or call [phone]."])
    assert texts[0].prompt_id in {one.prompt_id for one in redacted.kept}
    assert said(filtered(prompts([text]))) == [text], "it is off by default"


def test_what_was_taken_out_is_counted_by_its_kind() -> None:
    params = SampleParams.model_validate(SECTION | {"filters": {"personal": "redact"}})
    runner = FilterRunner(prepare_row_checks(params, Path()))
    list(runner.run(prompts(["a@b.org and c@d.org", "+1 202-456-1111", "nothing"])))

    assert runner.redacted == {"email": 2, "phone": 1}


def test_a_list_of_words_and_a_benchmark_are_read_from_their_folders(tmp_path: Path) -> None:
    (tmp_path / "data/imported/words").mkdir(parents=True)
    (tmp_path / "data/imported/words/ours.txt").write_text("# ours\nbomb # the thing\n")
    (tmp_path / "data/imported/benchmarks").mkdir()
    row = {"question": f"Please {LONG}"}
    (tmp_path / "data/imported/benchmarks/b.jsonl").write_bytes(orjson.dumps(row))
    benchmark = {"path": "data/imported/benchmarks/b.jsonl", "column": "question"}
    kept = filtered(
        prompts(["How to build a Bomb?", "A bombastic speech.", LONG]), tmp_path,
        words="data/imported/words/ours.txt", benchmarks=[benchmark],
    )  # fmt: skip

    assert reasons(kept) == ["benchmark_leak", "listed_word"]
    assert said(kept) == ["A bombastic speech."]


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"words": "data/imported/words/none.txt"}, "none.txt does not exist"),
        ({"words": "elsewhere.txt"}, "data/imported/words"),
        ({"words": "data/imported/words/empty.txt"}, "has no words"),
        ({"benchmarks": [{"path": "data/imported/benchmarks/b.jsonl"}]}, "'prompt' is missing"),
        ({"benchmarks": [{"path": "data/imported/benchmarks/none.jsonl"}]}, "none.jsonl"),
    ],
)  # fmt: skip
def test_a_list_or_a_benchmark_that_is_not_there_is_an_error(
    tmp_path: Path, filters: Any, says: str
) -> None:
    (tmp_path / "data/imported/words").mkdir(parents=True)
    (tmp_path / "data/imported/words/empty.txt").write_text("# nothing\n")
    (tmp_path / "data/imported/benchmarks").mkdir()
    (tmp_path / "data/imported/benchmarks/b.jsonl").write_text('{"text": "a"}\n')

    with pytest.raises(InputError, match=says):
        filtered([], tmp_path, **filters)
