"""A table on disk that is read a column at a time."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefline.errors import TableError
from prefline.tables import DRAWN, StoredTable, TableWriter, read_table, table_from_rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three parts of at most two rows."""
    rows = [{"prompt_id": f"p{n}", "round": n} for n in range(5)]
    with TableWriter(tmp_path / "drawn", DRAWN, rows_per_part=2) as writer:
        for row in rows:
            writer.write(table_from_rows([row], DRAWN))
    return tmp_path / "drawn"


def test_it_gives_what_the_whole_table_has(folder: Path) -> None:
    stored, whole = StoredTable(folder), read_table(folder)
    assert (stored.num_rows, stored.schema) == (5, whole.schema)
    for name in whole.column_names:
        assert stored[name].to_pylist() == whole[name].to_pylist()
    batches = list(stored.batches(["round"]))
    assert [batch.schema.names for batch in batches] == [["round"]] * len(batches)
    assert [row["round"] for batch in batches for row in batch.to_pylist()] == list(range(5))


def test_a_column_that_is_not_there_is_a_key_error(folder: Path) -> None:
    with pytest.raises(KeyError):
        StoredTable(folder)["texts"]


def test_a_part_with_other_columns_is_named(folder: Path) -> None:
    pq.write_table(pa.table({"prompt_id": ["p9"]}), folder / "part-00001.parquet")
    with pytest.raises(TableError, match=r"part-00001\.parquet has other columns"):
        StoredTable(folder)


def test_a_part_that_is_cut_off_is_named(folder: Path) -> None:
    part = folder / "part-00002.parquet"
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(TableError, match=r"part-00002\.parquet cannot be read as Parquet"):
        StoredTable(folder)
