from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import DiskFull, TableError
from prefline.tables import (
    REJECTIONS,
    SCHEMAS,
    TableWriter,
    iter_batches,
    read_table,
    table_from_rows,
    write_table,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"stage": TEXT, "kind": TEXT, "id": TEXT, "reason": TEXT, "detail": st.none() | TEXT,
         "request_key": st.none() | TEXT, "cost_usd": st.none() | st.floats(0, 1e3)}
    ),
    max_size=30,
)  # fmt: skip


@given(rows=ROWS, size=st.integers(1, 10))
def test_what_is_written_in_any_pieces_is_read_as_it_was(
    rows: list[dict[str, str]], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("table") / "rejections"
    with TableWriter(folder, REJECTIONS, rows_per_part=7) as writer:
        for start in range(0, len(rows), size):
            writer.write(table_from_rows(rows[start : start + size], REJECTIONS))

    assert read_table(folder).to_pylist() == rows
    assert sum(batch.num_rows for batch in iter_batches(folder, rows=3)) == len(rows)


def test_what_was_read_of_a_file_is_not_kept_until_its_end(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(0, 2**63, 400_000)
    path = tmp_path / "part-00000.parquet"
    pq.write_table(pa.table({"number": numbers}), path, row_group_size=20_000)
    before, most = pa.total_allocated_bytes(), 0
    for batch in iter_batches(tmp_path, rows=20_000):
        most = max(most, pa.total_allocated_bytes() - before)
        del batch

    assert most < path.stat().st_size / 2


def test_equal_rows_give_byte_identical_files(tmp_path: Path) -> None:
    rows = table_from_rows([{"stage": "s", "kind": "k", "id": "i", "reason": "r"}], REJECTIONS)
    write_table(tmp_path / "one", rows, REJECTIONS)
    write_table(tmp_path / "two", rows, REJECTIONS)

    one, two = (tmp_path / name / "part-00000.parquet" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_an_empty_table_still_says_its_schema(tmp_path: Path) -> None:
    write_table(tmp_path / "t", REJECTIONS.empty_table(), REJECTIONS)

    assert pq.read_schema(tmp_path / "t" / "part-00000.parquet").equals(REJECTIONS)


def test_a_failure_halfway_leaves_the_old_table_as_it_was(tmp_path: Path) -> None:
    rows = table_from_rows([{"stage": "s", "kind": "k", "id": "i", "reason": "r"}], REJECTIONS)
    write_table(tmp_path / "t", rows, REJECTIONS)

    def stop_halfway() -> None:
        with TableWriter(tmp_path / "t", REJECTIONS) as writer:
            writer.write(rows)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_halfway()

    assert read_table(tmp_path / "t").num_rows == 1
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_rows_of_another_schema_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="schema"), TableWriter(tmp_path / "t", REJECTIONS) as w:
        w.write(pa.table({"stage": ["s"]}))


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, *args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    rows = table_from_rows([{"stage": "s", "kind": "k", "id": "i", "reason": "r"}], REJECTIONS)
    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)

    with pytest.raises(DiskFull, match="nothing that was paid for, is lost"):
        write_table(tmp_path / "t", rows, REJECTIONS)


def test_a_missing_table_names_its_folder_and_the_remedy(tmp_path: Path) -> None:
    for table, remedy in (("responses", "`dvc repro generate`"), ("other", "`dvc repro`")):
        with pytest.raises(TableError, match=table) as raised:
            read_table(tmp_path / table)
        assert remedy in raised.value.remedy


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "part-00000.parquet").write_bytes(b"PAR1 and then nothing")

    with pytest.raises(TableError, match="dvc checkout"):
        read_table(tmp_path / "t")


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_column_says_what_it_means(name: str) -> None:
    for column in SCHEMAS[name]:
        assert column.metadata[b"meaning"], column.name
