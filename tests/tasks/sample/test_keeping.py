from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.prompts import Prompt, prompt_from_row
from tasks.sample import keep

TEXTS = st.lists(st.sampled_from(["", "  ", "a", "b", "c" * 30, "bad \ufffd text"]), max_size=20)


def prompts(texts: list[str]) -> list[Prompt]:
    return [prompt_from_row({"prompt": text}, "s", "here") for text in texts]


@given(TEXTS)
def test_every_prompt_is_kept_or_rejected_or_a_counted_copy(texts: list[str]) -> None:
    sampled = keep(prompts(texts), max_characters=20)
    kept = {one.prompt_id for one in sampled.kept}
    rejected = {one.id for one in sampled.rejected}

    assert not kept & rejected
    assert kept | rejected == {one.prompt_id for one in prompts(texts)}
    assert len(texts) == len(kept) + len(rejected) + sampled.duplicates


@given(TEXTS, st.integers())
def test_the_order_of_the_source_does_not_matter(texts: list[str], seed: int) -> None:
    shuffled = random.Random(seed).sample(texts, len(texts))

    assert keep(prompts(texts), 20).kept == keep(prompts(shuffled), 20).kept


@given(TEXTS)
def test_filtering_twice_is_filtering_once(texts: list[str]) -> None:
    once = keep(prompts(texts), 20).kept

    assert keep(once, 20).kept == once


@pytest.mark.parametrize(
    ("text", "reason"),
    [("  ", "empty"), ("c" * 30, "too_long"), ("bad \ufffd", "broken_unicode")],
)
def test_a_rejected_prompt_has_a_named_reason(text: str, reason: str) -> None:
    assert [one.reason for one in keep(prompts([text]), 20).rejected] == [reason]
