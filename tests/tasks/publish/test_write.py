from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.config import PUBLISH_FORMATS
from prefline.errors import TableError
from tasks.publish import sorting, write
from tasks.publish.sorting import read_order
from tasks.publish.write import Written, write_formats
from tests.tasks.publish.rows import ALL, Row, in_parts, pair, rows_in, some_pairs, written

SHUFFLED = some_pairs()
random.Random(1).shuffle(SHUFFLED)


def bytes_of(found: Written) -> list[tuple[str, str, bytes]]:
    return [(one.format, one.split, one.path.read_bytes()) for one in found.files]


@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 72), max_size=4))
@settings(max_examples=6, deadline=None)
def test_the_same_rows_give_the_same_bytes_whatever_their_order_and_their_parts(
    tmp_path_factory: pytest.TempPathFactory, draw: random.Random, cuts: list[int]
) -> None:
    rows = list(SHUFFLED)
    draw.shuffle(rows)
    bounds = [0, *sorted(cuts), len(rows)]
    parts = [rows[start:end] for start, end in pairwise(bounds)]
    folder = tmp_path_factory.mktemp("write")

    assert bytes_of(written(folder / "a", *parts)) == bytes_of(written(folder / "b", SHUFFLED))


def test_what_is_put_in_order_at_once_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bytes_of(written(tmp_path / "whole", SHUFFLED))
    monkeypatch.setattr(
        sorting.Sorter.__init__, "__kwdefaults__", {"unit": 1, "bucket_bytes": 3000}
    )

    assert bytes_of(written(tmp_path / "bits", SHUFFLED[:30], SHUFFLED[30:])) == whole


def test_rows_are_sorted_within_a_split_and_no_row_is_lost(tmp_path: Path) -> None:
    rows = rows_in(written(tmp_path, SHUFFLED), "preference")
    keys = [(r["split"], r["source"], r["category"], r["pair_id"]) for r in rows]

    assert keys == sorted(keys)
    assert len(rows) == len(SHUFFLED)


@pytest.mark.parametrize("name", ALL)
def test_all_rows_of_a_prompt_are_in_one_split_which_is_that_of_its_file(
    tmp_path: Path, name: str
) -> None:
    found = written(tmp_path, SHUFFLED)
    splits: dict[str, set[str]] = {}
    for one in found.files:
        if one.format == name:
            table = pq.read_table(one.path)
            assert set(table["split"].to_pylist()) == {one.split}
            for prompt in table["prompt_id"].to_pylist():
                splits.setdefault(prompt, set()).add(one.split)

    assert len(splits) == 12 or name in ("kto", "sft")
    assert all(len(one) == 1 for one in splits.values())


def test_files_are_cut_by_size_and_say_what_they_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write.Files.__init__, "__kwdefaults__", {"file_bytes": 1})
    monkeypatch.setattr(write, "GROUP_ROWS", 9)
    found = written(tmp_path, SHUFFLED, formats=("preference",))
    sizes = [(one.split, pq.read_metadata(one.path).num_rows) for one in found.files]

    assert sizes == [("test", 9), ("test", 9)] + [("train", 9)] * 6
    for one in found.files:
        table = pq.read_table(one.path)
        for column, (low, high) in one.ranges.items():
            values = table[column].to_pylist()
            assert (min(values), max(values)) == (low, high)
    assert set(found.files[0].ranges) == {"source", "category", "p_chosen"}


def test_row_groups_are_cut_by_bytes_where_texts_are_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "GROUP_BYTES", 50_000)
    said = [{"role": "assistant", "content": "z" * 20_000}]
    rows = [pair(n * 4, 0, 1, chosen=said) for n in range(6)]
    (one,) = written(tmp_path, rows, formats=("preference",)).files
    about = pq.read_metadata(one.path)

    assert [about.row_group(n).num_rows for n in range(about.num_row_groups)] == [2, 2, 2]


def test_a_file_has_what_readers_skip_by(tmp_path: Path) -> None:
    about = pq.read_metadata(written(tmp_path, SHUFFLED).files[0].path)
    columns = {about.schema.column(n).path: n for n in range(about.num_columns)}
    group = about.row_group(0)
    source, text = (
        group.column(columns["source"]),
        group.column(columns["chosen.list.element.content"]),
    )

    assert (source.statistics.min, source.statistics.max) == ("source-0", "source-0")
    assert source.has_offset_index
    assert source.has_column_index
    assert source.compression == "ZSTD"
    assert text.statistics is None
    assert [one.column_index for one in group.sorting_columns] == [
        columns[name] for name in ("source", "category", "pair_id")
    ]


@pytest.mark.parametrize("name", ALL)
def test_a_file_has_the_schema_of_its_format_with_the_meaning_of_each_column(
    tmp_path: Path, name: str
) -> None:
    found = written(tmp_path, SHUFFLED)
    schema = pq.read_schema(next(one.path for one in found.files if one.format == name))

    def told(fields: pa.Schema) -> list[Any]:
        # Parquet has a word of its own for the values of a list.
        kinds = [str(one.type).replace("<item: ", "<element: ") for one in fields]
        return [
            (one.name, kind, one.nullable, one.metadata)
            for one, kind in zip(fields, kinds, strict=True)
        ]

    assert told(schema) == told(PUBLISH_FORMATS.get(name).schema)
    assert all(b"meaning" in (column.metadata or {}) for column in schema)


def test_a_pair_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    rows: list[Row] = [pair(1, 0, 1), pair(2, 0, 1), pair(1, 0, 1)]
    with pytest.raises(TableError, match=f"holds the pair {rows[0]['pair_id']} twice"):
        written(tmp_path, rows)


def test_a_part_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    (path,) = in_parts(tmp_path / "table", [pair(1, 0, 1)])
    order = read_order([path], [], tmp_path)
    path.write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(TableError, match=r"part-00000\.parquet cannot be published"):
        write_formats([path], order, ["preference"], tmp_path / "out")


def test_no_preferences_give_no_files(tmp_path: Path) -> None:
    assert written(tmp_path, []).files == []
