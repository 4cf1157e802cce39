"""Every way in which a source can be wrong is an error that names file, row, field and remedy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefline.errors import InputError
from prefline.filters.text import check_unicode
from prefline.sources.files import FileSource, check_rows
from prefline.sources.rows import open_source
from prefline.tables.prompts import MAX_CHARACTERS, Prompt, prompt_from_row


def read(path: Path, **more: Any) -> list[Prompt]:
    opened = open_source(FileSource(name="s", path=str(path), **more), path.parent)
    return [prompt_from_row(row, "s", place) for place, row in opened.rows]


def fails(path: Path, *parts: str, **more: Any) -> None:
    """The error for the file says all of `parts`, and has a remedy."""
    with pytest.raises(InputError) as caught:
        read(path, **more)
    for part in parts:
        assert part in caught.value.problem
    assert caught.value.remedy


def lines(folder: Path, *rows: object, name: str = "p.jsonl") -> Path:
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows))
    return folder / name


def table(folder: Path, columns: dict[str, Any], **how: Any) -> Path:
    pq.write_table(pa.table(columns), folder / "p.parquet", **how)
    return folder / "p.parquet"


def test_a_missing_field(tmp_path: Path) -> None:
    fails(lines(tmp_path, {"prompt": "a"}, {"category": "b"}), "p.jsonl, row 2", "'prompt'")


def test_a_misspelt_field_is_told_with_the_known_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'category'"):
        read(lines(tmp_path, {"prompt": "a", "categroy": "b"}))


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_column_that_is_not_there_is_told_with_the_nearest(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"p.{kind}"
    if kind == "parquet":
        table(tmp_path, {"question": ["a"], "answer": ["b"]})
    else:
        path.write_text('{"question": "a"}\n' if kind == "jsonl" else "question\na\n")

    with pytest.raises(InputError, match=r"p.*no column 'questoin'\n.*did you mean 'question'"):
        read(path, columns={"prompt": "questoin"})


@pytest.mark.parametrize("value", [3, ["a"], {"text": "a"}, True])
def test_a_wrong_type(value: object, tmp_path: Path) -> None:
    fails(lines(tmp_path, {"prompt": value}), "p.jsonl, row 1", "'prompt'", type(value).__name__)


def test_a_wrong_type_in_parquet(tmp_path: Path) -> None:
    fails(table(tmp_path, {"prompt": [b"a"]}), "p.parquet, row 1", "'prompt' is bytes, not text")


@pytest.mark.parametrize("name", ["p.jsonl", "p.csv"])
def test_text_that_is_not_utf_8(name: str, tmp_path: Path) -> None:
    first = '{"prompt": "a"}\n' if name.endswith("jsonl") else "prompt\n"
    (tmp_path / name).write_bytes(first.encode() + "{'prompt': 'café'}\n".encode("latin-1"))

    fails(tmp_path / name, f"{name}, line 2: not UTF-8")


def test_parquet_text_that_is_not_utf_8(tmp_path: Path) -> None:
    raw = pa.array([b"a", b"caf\xe9"], pa.binary()).view(pa.string())

    fails(table(tmp_path, {"prompt": raw}), "p.parquet, row 2: field 'prompt' is not UTF-8")
    with pytest.raises(InputError, match=r"p\.parquet, row 2: field 'prompt' is not UTF-8"):
        check_rows(tmp_path / "p.parquet")


@pytest.mark.parametrize("kept", [4, 0.5, 0.99])
def test_a_truncated_parquet_file(kept: float, tmp_path: Path) -> None:
    path = table(tmp_path, {"prompt": [str(n) for n in range(1_000)]})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if kept < 1 else int(kept)])

    fails(path, "p.parquet cannot be read as Parquet")


def test_parquet_that_is_damaged_in_its_middle(tmp_path: Path) -> None:
    path = table(tmp_path, {"prompt": [str(n) * 9 for n in range(5_000)]}, compression="zstd")
    whole = bytearray(path.read_bytes())
    whole[4:200] = bytes(196)
    path.write_bytes(whole)

    fails(path, "p.parquet cannot be read as Parquet")


def test_a_prompt_of_ten_megabytes(tmp_path: Path) -> None:
    path = lines(tmp_path, {"prompt": "a"}, {"prompt": "x" * 10_000_000})

    fails(path, "p.jsonl, row 2: field 'prompt' has 10,000,000 characters", f"{MAX_CHARACTERS:,}")


@pytest.mark.parametrize("name", ["p.jsonl", "p.parquet"])
def test_a_row_larger_than_memory_is_meant_to_hold(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("files", "parquet", "rows"):
        monkeypatch.setattr(f"prefline.sources.{module}.MAX_ROW_BYTES", 1_000)
    rows = [{"prompt": "a"}, {"prompt": "x" * 5_000}]
    lines(tmp_path, *rows)
    table(tmp_path, {"prompt": [row["prompt"] for row in rows]})

    fails(tmp_path / name, name, "larger than")


def test_a_role_that_does_not_exist(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "robot", "content": "b"}]

    fails(lines(tmp_path, {"messages": turns}), "p.jsonl, row 1", "'messages'", "robot")
    fails(lines(tmp_path, {"messages": turns}), "row 1", "'robot'", format="chat_log")


@pytest.mark.parametrize("turns", ["hello", [], 3, ["hello"], [{"role": "user"}]])
def test_messages_that_are_no_conversation(turns: object, tmp_path: Path) -> None:
    fails(lines(tmp_path, {"messages": turns}), "p.jsonl, row 1", "'messages'")


def test_two_system_prompts(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]

    fails(lines(tmp_path, {"messages": turns, "system": "c"}), "row 1", "'system'")


@pytest.mark.parametrize("row", ["a", "a,b,c", '"a\nb"'])
def test_a_ragged_csv_names_the_line_that_the_row_begins_on(row: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(f"prompt,category\na,b\n{row}\n")

    fails(tmp_path / "p.csv", "p.csv, line 3", "cells")


def test_a_small_file_that_unpacks_to_more_than_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefline.tables.unpacking._GROUP", 1 << 20)
    texts = ["x" * 500_000 + str(n) for n in range(40)]
    path = table(tmp_path, {"prompt": texts}, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 100_000

    fails(path, "p.parquet, row group 0: says that it unpacks to 19 MiB")


def test_what_is_not_wanted_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefline.tables.unpacking._GROUP", 1 << 20)
    columns = {"text": ["a"] * 40, "page": ["x" * 500_000 + str(n) for n in range(40)]}
    path = table(tmp_path, columns, compression="zstd", use_dictionary=False)

    assert len(read(path, columns={"prompt": "text"})) == 40


def test_one_value_that_is_there_many_times_over_is_unpacked_row_by_row(tmp_path: Path) -> None:
    """The file says of the value once how long it is, and of every row only that it is there."""
    values = pa.DictionaryArray.from_arrays([0] * 10_000, ["x" * (20 << 20)])
    path = table(tmp_path, {"prompt": values}, compression="zstd", store_schema=False)
    assert path.stat().st_size < 100_000

    fails(path, "p.parquet, row 1: field 'prompt' has 20,971,520 characters")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    fails(tmp_path / "nowhere.jsonl", "nowhere.jsonl does not exist")


def test_a_file_that_has_changed_although_params_name_its_hash(tmp_path: Path) -> None:
    fails(lines(tmp_path, {"prompt": "a"}), "its SHA-256 is", sha256="0" * 64)


STRAY = {
    "opened and never closed": 'a,b\n1,2\n"3,4\n5,6\n',
    "closed amid a cell": 'a,b\n1,2\n"3" 4,5\n',
    "opened twice": 'a,b\n1,2\n"3,4\n"5,6\n7,8\n',
    "a file cut inside a cell": 'a,b\n1,2\n"3,4',
}


@pytest.mark.parametrize("content", STRAY.values(), ids=STRAY)
def test_a_stray_quote_in_a_csv_is_an_error_and_swallows_no_row(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "p.csv").write_text(content)
    columns = {"prompt": "a"}

    fails(tmp_path / "p.csv", "p.csv: the row that begins in line 3 cannot be", columns=columns)


def test_a_cell_of_several_lines_and_quotes_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text('prompt\n"a\n""b"", c"\n5" disk\n')

    assert [prompt.text for prompt in read(tmp_path / "p.csv")] == ['a\n"b", c', '5" disk']


@pytest.mark.parametrize(
    ("content", "encoding", "parts", "remedy"),
    [
        ("prompt\na\n", "utf-16", ("UTF-16",), "iconv -f utf-16"),
        ("prompt;category\na;b\n", "utf-8", ("'prompt;category'",), "by commas, not by ';'"),
        ("prompt\tcategory\na\tb\n", "utf-8", ("the header is one cell",), "by commas"),
    ],
)
def test_a_csv_of_another_kind_is_told_by_its_kind(
    tmp_path: Path, content: str, encoding: str, parts: tuple[str, ...], remedy: str
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(content, encoding=encoding)

    with pytest.raises(InputError, match=re.escape(remedy)) as caught:
        read(path)
    assert all(part in caught.value.problem for part in parts)


def test_half_a_surrogate_pair_is_for_the_filter_of_broken_text(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text(
        '{"prompt": "half \\ud83d of it"}\n{"prompt": "whole \\ud83d\\ude00"}\n'
        '{"prompt": "nul \\u0000"}\n'
    )

    broken, whole, nul = (prompt.text for prompt in read(tmp_path / "p.jsonl"))

    assert (broken, whole) == ("half \ufffd of it", "whole \U0001f600")
    assert check_unicode(broken)
    assert check_unicode(nul)
    assert not check_unicode(whole)
