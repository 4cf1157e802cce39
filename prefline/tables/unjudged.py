"""The pairs on their way from the stage `judge` to people by way of the stage `pair`.

No judge spoke of some, at which people may have looked, which only `pair` knows: it rejects the
others. On others a person's answer is the best use of the budget of adaptive judging.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
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


def read_unjudged(folder: Path) -> pa.Table:
    """Return the pairs as `REJECTIONS`; none without a file, of judgments made elsewhere."""
    path = folder / _NAME
    if not path.is_file():
        return REJECTIONS.empty_table()
    with pa.ipc.open_file(str(path)) as file:
        return file.read_all()


def rejected_pairs(folder: Path, stage: str, ids: Collection[str]) -> dict[str, str]:
    """Return the reason of each of these pairs that a stage rejected, by id; none where it wrote
    nothing."""
    path = rejections_part(folder, stage)
    if not path.is_file() or not ids:
        return {}
    rows = pq.ParquetFile(path).read(columns=["kind", "id", "reason"])
    rows = rows.filter(pc.is_in(rows["id"], pa.array(ids, pa.string())))
    return {row["id"]: row["reason"] for row in rows.to_pylist() if row["kind"] == "pair"}


def write_for_people(folder: Path, pairs: Sequence[str]) -> None:
    """Write the ids of the pairs on which adaptive judging would buy a person's answer."""
    (folder / _FOR_PEOPLE).write_bytes(orjson.dumps(list(pairs)))


def read_for_people(folder: Path) -> list[str]:
    """Return their ids; none without a file, of judgments made elsewhere."""
    path = folder / _FOR_PEOPLE
    pairs: list[str] = orjson.loads(path.read_bytes()) if path.is_file() else []
    return pairs
