from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import InputError
from prefline.params import HoldOut, SampleParams, Source
from prefline.prompts import Prompt, prompt_from_row
from tasks.sample import draw, hold_out, keep, read_prompts, sample_prompts

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


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 5))
def test_a_larger_draw_holds_the_smaller_one(small: int, more: int, seed: int) -> None:
    every = keep(prompts([str(n) for n in range(40)]), 20).kept
    less, greater = draw(every, small, seed), draw(every, small + more, seed)

    assert len(less) == min(small, 40)
    assert {one.prompt_id for one in less} <= {one.prompt_id for one in greater}


@given(st.integers(1, 40), st.integers(0, 4), st.integers(0, 5))
def test_turns_draw_prompts_that_were_not_drawn_as_long_as_there_are_any(
    size: int, turns: int, seed: int
) -> None:
    every = keep(prompts([str(n) for n in range(40)]), 20).kept
    drawn = [one.prompt_id for turn in range(turns) for one in draw(every, size, seed, turn)]

    assert len(drawn) == size * turns
    assert len(set(drawn)) == min(len(drawn), 40)


def templated(texts: list[str]) -> list[Prompt]:
    rows = [{"prompt": text, "template": text[0]} for text in texts]
    return [prompt_from_row(row, "s", "here") for row in rows]


@given(st.floats(0, 0.99), st.integers(0, 30))
def test_what_is_held_out_stays_so_however_many_prompts_come_to_it(share: float, n: int) -> None:
    every = templated([f"{letter}{number}" for letter in "abc" for number in range(n + 1)])
    rule = HoldOut(share=share, templates=("a",))
    rest, out = hold_out(every, rule)
    fewer, out_of_fewer = hold_out(every[: n + 1], rule)

    assert sorted(one.text for one in rest + out) == sorted(one.text for one in every)
    assert all(one.template != "a" for one in rest)
    assert {one.text for one in out_of_fewer} <= {one.text for one in out}
    assert fewer == []


def test_the_share_that_is_held_out_is_about_what_was_asked_for() -> None:
    every = templated([f"b{number}" for number in range(2_000)])

    assert 0.15 < len(hold_out(every, HoldOut(share=0.2))[1]) / 2_000 < 0.25


def test_a_template_to_hold_out_that_no_prompt_has_is_an_error() -> None:
    with pytest.raises(InputError, match="no prompt has the template 'd'"):
        hold_out(templated(["a1", "b1"]), HoldOut(templates=("a", "d")))


def source(folder: Path, *rows: dict[str, object]) -> Source:
    (folder / "p.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return Source(name="mine", path="p.jsonl")


def test_a_source_s_rows_become_prompts(tmp_path: Path) -> None:
    verifier = {"kind": "numeric", "value": 4}
    params = SampleParams(
        sources=(source(tmp_path, {"prompt": "2 + 2?", "verifier": verifier}, {"prompt": "Why?"}),)
    )
    kept = sample_prompts(params, tmp_path).kept

    assert {one.text for one in kept} == {"2 + 2?", "Why?"}
    assert {one.source for one in kept} == {"mine"}


def test_a_bad_verifier_names_file_row_and_field(tmp_path: Path) -> None:
    bad = source(tmp_path, {"prompt": "ok"}, {"prompt": "x", "verifier": {"kind": "nmeric"}})

    with pytest.raises(InputError, match=r"p\.jsonl, row 2: field 'verifier'"):
        list(read_prompts(bad, tmp_path))


def test_a_source_without_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no rows"):
        list(read_prompts(source(tmp_path), tmp_path))
