from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.tables.schemas import MESSAGES
from tasks.publish.sorting import Sorter, row_bytes


def rows_of(numbers: list[int], longest: int = 30) -> pa.Table:
    said = [[{"role": "user", "content": "x" * (n % longest)}] * (n % 3) for n in numbers]
    return pa.table({"number": numbers, "said": pa.array(said, MESSAGES)})


def fed(sorter: Sorter, numbers: list[int], at_once: int) -> list[pa.Table]:
    for start in range(0, len(numbers), at_once):
        some = numbers[start : start + at_once]
        sorter.add(rows_of(some), np.array(some, np.int64))
    return list(sorter)


@given(st.permutations(range(40)), st.integers(1, 40), st.integers(1, 4000))
@settings(max_examples=20, deadline=None)
def test_rows_come_back_whole_and_in_order_however_they_came_and_however_little_fits(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], at_once: int, fits: int
) -> None:
    scratch = tmp_path_factory.mktemp("sorter")
    found = pa.concat_tables(fed(Sorter(40, scratch, bucket_bytes=fits), numbers, at_once))

    assert found.equals(rows_of(list(range(40))))
    assert not list(scratch.rglob("*.arrow"))


@given(st.permutations(range(60)), st.integers(1, 2000))
@settings(max_examples=15, deadline=None)
def test_the_rows_of_one_unit_come_back_in_one_table(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], fits: int
) -> None:
    scratch = tmp_path_factory.mktemp("sorter")
    tables = fed(Sorter(60, scratch, unit=6, bucket_bytes=fits), numbers, 7)

    units = [set(np.asarray(table["number"]) // 6) for table in tables]
    assert sum(len(one) for one in units) == len(set().union(*units)) == 10


def test_a_bucket_of_rows_far_larger_than_the_first_ones_is_divided(tmp_path: Path) -> None:
    sorter = Sorter(200, tmp_path, bucket_bytes=20_000)
    sorter.add(rows_of(list(range(0, 200, 2))), np.arange(0, 200, 2))
    large = list(range(1, 200, 2))
    texts = [[{"role": "user", "content": "y" * 5_000}] for _ in large]
    for number, text in zip(large, texts, strict=True):
        one = pa.table({"number": [number], "said": pa.array([text], MESSAGES)})
        sorter.add(one, np.array([number]))
    tables = list(sorter)

    assert [n for table in tables for n in table["number"].to_pylist()] == list(range(200))
    assert max(table.nbytes for table in tables) < 120_000


def test_nothing_gives_nothing(tmp_path: Path) -> None:
    assert list(Sorter(0, tmp_path)) == []


@given(st.lists(st.integers(0, 200), max_size=20), st.integers(0, 10))
@settings(deadline=None)
def test_the_size_of_rows_is_that_of_their_texts_wherever_they_are_cut(
    numbers: list[int], start: int
) -> None:
    table = rows_of(numbers, longest=10)
    texts = [sum(len(m["role"]) + len(m["content"]) + 16 for m in row["said"])
             for row in table.to_pylist()]  # fmt: skip

    assert (row_bytes(table) - 16).tolist() == texts
    assert row_bytes(table.slice(start)).tolist() == row_bytes(table).tolist()[start:]
