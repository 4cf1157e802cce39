"""The pairs on their way from the stage `judge` to people by way of the stage `pair`.

No judge spoke of some, at which people may have looked, which only `pair` knows: it rejects the
others. On others a person's answer is the best use of the budget of adaptive judging.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.tables.parts import ROWS_PER_GROUP
from prefline.tables.rejections import Rejection, rejections_part
from prefline.tables.schemas import REJECTIONS, table_from_rows
from prefline.tables.shards import shards

_FOR_PEOPLE = "for_people.json"
_NAME = "unjudged.arrow"


def write_unjudged(folder: Path, pairs: Iterable[Rejection]) -> None:
    """Write the pairs, as `pair` rejects them, which come in the order of their ids."""
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(str(folder / _NAME), REJECTIONS, options=options) as file:
        for rows in shards(pairs, ROWS_PER_GROUP):
            file.write_table(table_from_rows(map(asdict, rows), REJECTIONS))


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


def write_for_people(folder: Path, pairs: Sequence[str]) -> None:
    """Write the ids of the pairs on which adaptive judging would buy a person's answer."""
    (folder / _FOR_PEOPLE).write_bytes(orjson.dumps(list(pairs)))


def read_for_people(folder: Path) -> list[str]:
    """Return their ids; none without a file, of judgments made elsewhere."""
    path = folder / _FOR_PEOPLE
    pairs: list[str] = orjson.loads(path.read_bytes()) if path.is_file() else []
    return pairs
