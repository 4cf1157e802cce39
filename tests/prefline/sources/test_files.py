from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefline.errors import InputError
from prefline.sources import read_rows
from prefline.tables.prompts import prompt_from_row

ROWS = [{"prompt": "one", "category": "a"}, {"prompt": "two, or more", "category": "b"}]


def jsonl(path: Path) -> Path:
    path = path / "p.jsonl"
    path.write_text(
        '{"prompt": "one", "category": "a"}\n\n{"prompt": "two, or more", "category": "b"}\n'
    )
    return path


def csv(path: Path) -> Path:
    path = path / "p.csv"
    path.write_text('prompt,category\none,a\n"two, or more",b\n')
    return path


def parquet(path: Path) -> Path:
    path = path / "p.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path)
    return path


@pytest.mark.parametrize("make", [jsonl, csv, parquet])
def test_the_same_rows_come_from_every_format(make: object, tmp_path: Path) -> None:
    assert [row for _, row in read_rows(make(tmp_path))] == ROWS  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("p.jsonl", b'{"prompt": "a"}\n{"prompt": \n', "p.jsonl, row 2", id="bad json"),
        pytest.param("p.jsonl", b"[1]\n", "row 1: not a JSON object", id="not an object"),
        pytest.param("p.csv", b"prompt,category\na,b,c\n", "p.csv, line 2", id="ragged csv"),
        pytest.param("p.csv", b"prompt\n\xff\xfe\n", "not UTF-8", id="not utf-8"),
        pytest.param("p.parquet", b"PAR1", "cannot be read as Parquet", id="cut off parquet"),
        pytest.param("p.docx", b"", "'.docx' is not known", id="unknown ending"),
    ],
)
def test_bad_input_names_file_and_row(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(InputError, match=message):
        list(read_rows(tmp_path / name))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl does not exist"):
        list(read_rows(Path("nowhere.jsonl")))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param({"prompt": 3}, "field 'prompt'", id="prompt is a number"),
        pytest.param({"text": "x"}, "unknown field text", id="unknown field"),
        pytest.param(
            {"messages": [{"role": "robot", "content": "x"}]}, "role of system", id="unknown role"
        ),
        pytest.param({"prompt": "x", "category": 3}, "field 'category'", id="category"),
    ],
)
def test_a_bad_row_names_its_place_and_field(row: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        prompt_from_row(row, "s", "p.jsonl, row 7")

    assert "p.jsonl, row 7" in str(caught.value)
