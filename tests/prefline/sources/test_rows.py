from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from prefline.config import Source
from prefline.errors import InputError
from prefline.ids import sha256_of
from prefline.sources.rows import open_source
from prefline.sources.sql import SqlSource
from tests.prefline.storage.lax_server import LaxServer, lax_server
from tests.s3_server import use_environment

ROWS = [{"question": f"What is {n}?", "solution": str(n), "kind": "maths"} for n in range(700)]
COLUMNS = {"prompt": "question", "reference": "solution"}
WANTED = [{"prompt": row["question"], "reference": row["solution"]} for row in ROWS]


def source_of(**keys: Any) -> Source:
    """A source as params name it."""
    return Source.model_validate(keys)


def write(folder: Path, kind: str = "parquet") -> Path:
    path = folder / f"questions.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=300)
    else:
        path.write_text("\n".join(json.dumps(row) for row in ROWS))
    return path


def rows_of(source: Source, root: Path) -> list[Any]:
    return [row for _, row in open_source(source, root).rows]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_columns_are_taken_by_their_names_and_others_left_out(kind: str, tmp_path: Path) -> None:
    write(tmp_path, kind)
    source = source_of(name="s", path=f"questions.{kind}", columns=COLUMNS)

    assert rows_of(source, tmp_path) == WANTED


def test_a_file_on_s3_is_read_as_one_here_and_its_hash_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    source = source_of(name="s", path="s3://bucket/folder/questions.parquet", columns=COLUMNS)
    with lax_server(LaxServer()) as server:
        use_environment(monkeypatch, server.environment)
        server.objects["/bucket/folder/questions.parquet"] = path.read_bytes()
        opened = open_source(source, tmp_path)

        assert [row for _, row in opened.rows] == WANTED
        assert opened.origin == {"path": source.path, "sha256": sha256_of(path)}
        with pytest.raises(InputError, match=r"folder/other\.parquet does not exist"):
            open_source(source_of(name="s", path="s3://bucket/folder/other.parquet"), tmp_path)


def test_a_dataset_of_the_hub_s_layout_is_streamed(tmp_path: Path) -> None:
    (tmp_path / "maths").mkdir()
    write(tmp_path / "maths", "jsonl").rename(tmp_path / "maths" / "train.jsonl")
    source = source_of(name="s", path=f"hf://{tmp_path}/maths", columns=COLUMNS)
    opened = open_source(source, tmp_path)

    assert [row for _, row in opened.rows] == WANTED
    assert opened.origin["revision"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "nowhere"}, "cannot be read"),
        ({"columns": {"prompt": "questoin"}}, "no column 'questoin'"),
    ],
)
def test_what_a_dataset_of_the_hub_has_not_is_an_error(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write(tmp_path, "jsonl").rename(tmp_path / "train.jsonl")

    with pytest.raises(InputError, match=message):
        rows_of(source_of(name="s", path=f"hf://{tmp_path}", **change), tmp_path)


def test_without_the_hub_a_dataset_of_it_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(InputError, match=r"hf://nobody/nothing cannot be read"):
        open_source(source_of(name="s", path="hf://nobody/nothing"), tmp_path)


def query(sql: str, **files: str) -> Source:
    return SqlSource(name="s", sql=sql, files=files or {"questions": "questions.parquet"})


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_a_query_makes_rows_of_files(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path, kind)
    source = query(
        "SELECT question AS prompt, {'kind': 'numeric', 'value': solution::INT} AS verifier "
        "FROM questions WHERE solution::INT % 100 = 7 ORDER BY solution::INT",
        questions=path.name,
    )
    opened = open_source(source, tmp_path)
    rows = [row for _, row in opened.rows]

    assert [row["verifier"]["value"] for row in rows] == [7, 107, 207, 307, 407, 507, 607]
    assert rows[0]["prompt"] == "What is 7?"
    assert opened.origin["files"] == {path.name: sha256_of(path)}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM '{other}'",
        "SELECT content FROM read_text('{other}')",
        "SELECT * FROM questions; SET enable_external_access = true",
        "COPY questions TO '{other}'",
        "CREATE TABLE t AS SELECT 1",
        "SELECT * FROM answers",
        "SELEC",
        "",
    ],
)
def test_a_query_can_read_no_file_that_params_do_not_name(sql: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "other.csv").write_text("prompt\na\n")

    with pytest.raises(InputError):
        rows_of(
            source_of(
                name="s",
                sql=sql.format(other=tmp_path / "other.csv") or " ",
                files={"questions": "questions.parquet"},
            ),
            tmp_path,
        )
    assert (tmp_path / "other.csv").read_text() == "prompt\na\n"


def test_a_query_without_duckdb_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)

    with pytest.raises(InputError, match=r"DuckDB is not installed\n.*uv sync --extra pipeline"):
        rows_of(query("SELECT 1"), tmp_path)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "give `path` or `sql`"),
        ({"path": "a.csv", "sql": "SELECT 1", "files": {"a": "a.csv"}}, "give `path` or `sql`"),
        ({"sql": "SELECT 1"}, "go together"),
        ({"path": "a.csv", "revision": "main"}, "begins with hf://"),
        ({"path": "hf://a/b", "sha256": "0" * 64}, "has a `revision`"),
        ({"path": "a.csv", "columns": {"promt": "q"}}, "did you mean 'prompt'"),
        ({"path": "a.csv", "columns": {"category": "q"}}, "which column is the `prompt`"),
        ({"path": "a.csv", "weight": 0}, "weight"),
    ],
)
def test_keys_of_a_source_that_make_no_sense_together(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        source_of(name="s", **keys)
