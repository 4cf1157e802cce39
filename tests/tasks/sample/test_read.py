"""Rows of sources become prompts, and what is wrong with one is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import SampleParams, Source
from prefline.errors import InputError
from prefline.sources.files import FileSource
from prefline.sources.sql import SqlSource
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from tasks.sample import SourceReading, read_prompts, sample_prompts, sampling, unwatched_paths
from tasks.sample.read import SourceIds


def source(folder: Path, *rows: dict[str, object], **more: Any) -> Source:
    (folder / "p.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return FileSource(name="mine", path="p.jsonl", **more)


def read(one: Source, folder: Path) -> list[Prompt | Rejection]:
    return list(read_prompts(one, folder, SourceReading(one.name)))


def test_a_source_s_rows_become_prompts(tmp_path: Path) -> None:
    verifier = {"kind": "numeric", "value": 4}
    params = SampleParams(
        sources=(source(tmp_path, {"prompt": "2 + 2?", "verifier": verifier}, {"prompt": "Why?"}),)
    )
    kept, _ = sample_prompts(params, tmp_path)

    assert {one.text for one in kept} == {"2 + 2?", "Why?"}
    assert {one.source for one in kept} == {"mine"}


def test_a_bad_verifier_names_file_row_and_field(tmp_path: Path) -> None:
    bad = source(tmp_path, {"prompt": "ok"}, {"prompt": "x", "verifier": {"kind": "nmeric"}})

    with pytest.raises(InputError, match=r"p\.jsonl, row 2: field 'verifier'"):
        read(bad, tmp_path)


def test_a_source_without_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no rows"):
        read(source(tmp_path), tmp_path)


def test_a_source_names_category_and_license_of_rows_that_name_none(tmp_path: Path) -> None:
    rows = [{"prompt": "a"}, {"prompt": "b", "category": "words", "license": "MIT"}]
    found = read(source(tmp_path, *rows, category="maths", license="CC0-1.0"), tmp_path)

    assert [(one.category, one.license) for one in found if isinstance(one, Prompt)] == [
        ("maths", "CC0-1.0"), ("words", "MIT"),
    ]  # fmt: skip


def test_a_system_prompt_comes_first(tmp_path: Path) -> None:
    (one,) = read(source(tmp_path, {"prompt": "a", "system": "Be brief."}), tmp_path)

    assert isinstance(one, Prompt)
    assert [turn["role"] for turn in one.messages] == ["system", "user"]


def test_a_conversation_that_ends_with_an_answer_is_never_a_prompt_as_it_is(
    tmp_path: Path,
) -> None:
    user, answer = {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}
    again = {"role": "user", "content": "Really?"}
    rows = [{"messages": turns} for turns in ([user, answer], [user, answer, again], [answer])]

    (rejected, kept, no_question) = read(source(tmp_path, *rows), tmp_path)
    assert isinstance(rejected, Rejection)
    assert isinstance(no_question, Rejection)
    assert rejected.reason == no_question.reason == "answered"
    assert "`answered: cut` of source 'mine'" in (rejected.detail or "")
    assert isinstance(kept, Prompt)
    assert len(kept.messages) == 3

    (cut, same, nothing) = read(source(tmp_path, *rows, answered="cut"), tmp_path)
    assert isinstance(cut, Prompt)
    assert cut.messages == (user,)
    (asked,) = read(source(tmp_path, {"prompt": "Why?"}), tmp_path)
    assert isinstance(asked, Prompt)
    assert cut.prompt_id == asked.prompt_id
    assert same == kept
    assert isinstance(nothing, Rejection)


def test_what_of_a_log_is_no_prompt_is_rejected_and_the_rest_sampled(tmp_path: Path) -> None:
    user = {"role": "user", "content": "Why?"}
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {}}]}
    answer = {"role": "assistant", "content": "So."}
    log = source(
        tmp_path,
        {"request": {"messages": [user]}, "response": {"choices": [{"message": answer}]}},
        {"messages": [user, image]},
        {"messages": [user, answer]},
        format="chat_log",
    )
    with sampling(SampleParams(sources=(log,)), tmp_path) as sample:
        assert [one.messages for one in sample.kept()] == [(user,)]
        assert [one.reason for one in sample.rejected()] == ["not_text"]
        assert sample.result.rejected == {"not_text": 1}
        assert sample.result.duplicates == 1
        assert sample.result.readings[0].rows == 3


def test_one_id_with_two_texts_names_both_rows(tmp_path: Path) -> None:
    rows = [{"prompt": text, "id": one} for text, one in ("a1", "b2", "a1", "c3", "d2", "e3")]

    with pytest.raises(InputError, match=r"p\.jsonl, row 2 and p\.jsonl, row 5: field 'id' is '2'"):
        read(source(tmp_path, *rows), tmp_path)


def test_an_id_is_text_or_a_number(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 1: field 'id' is float"):
        read(source(tmp_path, {"prompt": "a", "id": 1.5}), tmp_path)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=12))
def test_a_clash_is_found_if_and_only_if_there_is_one(rows: list[tuple[str, int]]) -> None:
    source_ids = SourceIds()
    for number, (one, prompt) in enumerate(rows, 1):
        source_ids.add(number, one, f"{prompt:016x}")
    clash = source_ids.clash()

    if clash is None:
        assert len(set(rows)) == len({one for one, _ in rows})
    else:
        (one, first), (other, second) = (rows[number - 1] for number in clash)
        assert one == other
        assert first != second
        assert clash[0] < clash[1]


DEPS = ["data/bundled/prompts.jsonl", "data/imported/prompts"]


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("data/bundled/prompts.jsonl", True),
        ("data/imported/prompts/a/b.csv", True),
        ("data/imported/prompts.csv", False),
        ("data/mine.csv", False),
        ("/somewhere/else.csv", False),
        ("s3://bucket/else.csv", True),
    ],
)
def test_a_file_is_watched_if_it_is_below_a_dependency(path: str, seen: bool) -> None:
    query = SqlSource(name="q", sql="SELECT 1", files={"t": path})
    file = Source.model_validate({"name": "s", "path": path})

    assert unwatched_paths([file], DEPS) == ([] if seen else [path])
    assert unwatched_paths([query], DEPS) == unwatched_paths([file], DEPS)
