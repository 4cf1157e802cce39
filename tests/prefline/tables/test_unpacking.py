from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefline.errors import InputError
from prefline.tables import unpacking
from prefline.tables.unpacking import bounded_batches, read_bounded

VALUE = "a" * 10_000


@pytest.fixture
def small_file(tmp_path: Path) -> Path:
    """2,000 rows of one long text, which is in the file once: 20 MB in some KB."""
    path = tmp_path / "small.parquet"
    rows = pa.table({"id": [f"{n:04}" for n in range(2_000)], "text": [VALUE] * 2_000})
    pq.write_table(rows, path, compression="zstd", row_group_size=1_000)
    assert path.stat().st_size < 50_000
    return path


def test_a_value_that_is_there_many_times_is_unpacked_a_few_at_once(
    small_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_AT_ONCE", 1_000_000)
    with pq.ParquetFile(small_file) as file:
        batches = list(bounded_batches("small", file, ["id", "text"], 500))
        ids = sum(len(batch) for batch in bounded_batches("small", file, ["id"], 500, (1,)))

    assert max(batch.nbytes for batch in batches) < 1_000_000
    assert (sum(len(batch) for batch in batches), ids) == (2_000, 1_000)


def test_a_table_that_unpacks_to_more_than_is_read_whole_is_refused(
    small_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_TABLE", 5_000_000)
    with pytest.raises(InputError, match=r"small\.parquet: its columns text unpack to more than"):
        read_bounded(small_file, ("text",))

    assert read_bounded(small_file, ("id", "none")).column_names == ["id"]
    assert read_bounded(small_file, ("id",)).num_rows == 2_000
