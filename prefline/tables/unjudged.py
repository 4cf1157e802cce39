"""The pairs that no judge spoke of, on their way from the stage `judge` to the stage `pair`.

People may have looked at them, which only `pair` knows: it rejects the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.tables.rejections import Rejection, by_kind_and_id, rejections_part
from prefline.tables.schemas import REJECTIONS, table_from_rows

_NAME = "unjudged.arrow"


def write_unjudged(folder: Path, pairs: Iterable[Rejection]) -> None:
    """Write the pairs, as `pair` rejects them."""
    rows = [asdict(one) for one in sorted(pairs, key=by_kind_and_id)]
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(str(folder / _NAME), REJECTIONS, options=options) as file:
        file.write_table(table_from_rows(rows, REJECTIONS))


def read_unjudged(folder: Path) -> list[Rejection]:
    """Return the pairs; none without a file, of judgments made elsewhere."""
    path = folder / _NAME
    if not path.is_file():
        return []
    with pa.ipc.open_file(str(path)) as file:
        return [Rejection(**row) for row in file.read_all().to_pylist()]


def rejected_pairs(folder: Path, stage: str) -> dict[str, str]:
    """Return the reason of each pair that a stage rejected, by id; none where it wrote nothing."""
    path = rejections_part(folder, stage)
    if not path.is_file():
        return {}
    rows = pq.ParquetFile(path).read(columns=["kind", "id", "reason"]).to_pylist()
    return {row["id"]: row["reason"] for row in rows if row["kind"] == "pair"}
