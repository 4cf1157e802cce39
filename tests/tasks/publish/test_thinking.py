from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefline.tables import RESPONSES, TableWriter, table_from_rows
from tasks.publish.formats import order_columns
from tasks.publish.sorting import read_order
from tasks.publish.thinking import Reasoning
from tasks.publish.write import Written, write_formats
from tests.tasks.publish.rows import ALL, Row, in_parts, rows_in, some_pairs

ROWS = some_pairs(6)


def responses(folder: Path, thoughts: dict[str, str | None]) -> Path:
    rows = [
        {"response_id": key, "prompt_id": "p", "model": "m", "sample_index": 0, "text": "t",
         "reasoning": thought, "finish_reason": "stop", "origin": "sampled"}
        for key, thought in thoughts.items()
    ]  # fmt: skip
    with TableWriter(folder, RESPONSES) as table:
        table.write(table_from_rows(rows, RESPONSES))
    return folder


def thoughts_of(rows: list[Row]) -> dict[str, str | None]:
    """Every second response was thought about."""
    ids = sorted({row[f"{side}_id"] for row in rows for side in ("chosen", "rejected")})
    return {key: f"Let me see: {key}" if place % 2 else None for place, key in enumerate(ids)}


def written(folder: Path, *parts: list[Row], keep: bool) -> Written:
    paths = in_parts(folder / "table", *parts)
    order = read_order(paths, [*order_columns(ALL), "chosen_id", "rejected_id"], folder)
    reasoning = None
    if keep:
        table = responses(folder / "responses", thoughts_of(ROWS))
        reasoning = Reasoning.read(table, [order.rows[f"{s}_id"] for s in ("chosen", "rejected")])
    return write_formats(paths, order, ALL, folder / "out", reasoning)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(tmp_path_factory.mktemp("kept"), ROWS[:20], ROWS[20:], keep=True)


def test_answers_say_what_was_thought_before_them_in_the_field_of_trl(kept: Written) -> None:
    thoughts = thoughts_of(ROWS)
    for name in ("preference", "reward_soft", "reward_margin"):
        rows = rows_in(kept, name)
        assert len(rows) == len(ROWS)
        for row in rows:
            for side in ("chosen", "rejected"):
                (message,) = row[side]
                assert list(message) == ["role", "content", "thinking"]
                assert message["thinking"] == thoughts[row[f"{side}_id"]]
            assert [list(message) for message in row["prompt"]] == [["role", "content"]]


def test_single_and_ranked_answers_do_so_too(kept: Written) -> None:
    thoughts = thoughts_of(ROWS)
    single = [row for name in ("kto", "sft") for row in rows_in(kept, name)]
    ranked = [answer for row in rows_in(kept, "ranked") for answer in row["responses"]]

    assert single
    for row in [*single, *ranked]:
        assert row["completion"][0]["thinking"] == thoughts[row["response_id"]]


def test_without_reasoning_a_version_is_the_same_as_ever(kept: Written, tmp_path: Path) -> None:
    dropped = written(tmp_path, ROWS, keep=False)

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(item) for key, item in value.items() if key != "thinking"}
        return [without(item) for item in value] if isinstance(value, list) else value

    for name in ALL:
        assert rows_in(dropped, name) == without(rows_in(kept, name))
        paths = [file.path for file in dropped.files if file.format == name]
        assert "thinking" not in str(pq.ParquetFile(paths[0]).schema_arrow)


def test_only_the_reasoning_of_published_answers_is_held(tmp_path: Path) -> None:
    table = responses(tmp_path, {"a": "yes", "b": None, "c": "no"})
    reasoning = Reasoning.read(table, [pa.chunked_array([["a", "b"]])])
    answer = [[{"role": "assistant", "content": "4"}]]
    rows = pa.table(
        {"chosen": pa.array(answer), "rejected": pa.array(answer), "chosen_id": ["a"],
         "rejected_id": ["c"]}
    )  # fmt: skip
    (row,) = reasoning.add_to(rows).to_pylist()

    assert row["chosen"][0]["thinking"] == "yes"
    assert row["rejected"][0]["thinking"] is None
