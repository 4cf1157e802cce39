"""The `rejections` table: what did not make it, and why.

Each stage writes one part of it, numbered by the stage's place in the pipeline, so that the
folder as a whole is the table and no stage touches what another wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prefline.atomic import atomic_write
from prefline.tables.shards import shards

if TYPE_CHECKING:
    import pyarrow as pa

STAGES = ("sample", "generate", "judge", "pair")


@dataclass(frozen=True, slots=True)
class Rejection:
    """One item that a stage was offered and did not pass on.

    `request_key` and `cost_usd` are of calls that were paid for it, and whose replies no table has.
    """

    stage: str
    kind: str
    id: str
    reason: str
    detail: str | None = None
    request_key: str | None = None
    cost_usd: float | None = None


def rejections_part(folder: Path, stage: str) -> Path:
    """Return the part of the table that `stage` writes."""
    return folder / f"part-{STAGES.index(stage):05d}.parquet"


def write_rejections(folder: Path, stage: str, rejections: Iterable[Rejection]) -> None:
    """Write a stage's part, sorted, by an atomic rename. Raises `DiskFull`."""
    write_sorted_rejections(folder, stage, sorted(rejections, key=by_kind_and_id))


def by_kind_and_id(one: Rejection) -> tuple[str, str]:
    """Return what rejections are sorted by."""
    return one.kind, one.id


def write_sorted_rejections(folder: Path, stage: str, rejections: Iterable[Rejection]) -> None:
    """The same of rejections that come in their order, in constant memory. Raises `DiskFull`."""
    # Here, so that what declares a judging method, which may reject, does not import Arrow.
    from prefline.tables.parts import ROWS_PER_GROUP
    from prefline.tables.schemas import REJECTIONS, table_from_rows

    groups = shards(rejections, ROWS_PER_GROUP)
    write_rejection_tables(
        folder, stage, (table_from_rows(map(asdict, rows), REJECTIONS) for rows in groups)
    )


def write_rejection_tables(folder: Path, stage: str, rejections: Iterable[pa.Table]) -> int:
    """The same of tables, each a row group; return how many rows they have."""
    import pyarrow.parquet as pq

    from prefline.tables.schemas import REJECTIONS

    count = 0
    with (
        atomic_write(rejections_part(folder, stage)) as file,
        pq.ParquetWriter(file, REJECTIONS, compression="zstd") as part,
    ):
        for rows in rejections:
            part.write_table(rows.select(REJECTIONS.names).cast(REJECTIONS))
            count += rows.num_rows
    return count


def write_drafted_rejections(folder: Path, stage: str, draft: Path) -> None:
    """The same of rejections in a draft, in any order. Raises `DiskFull`."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from prefline.tables.draft import draft_table
    from prefline.tables.parts import ROWS_PER_GROUP
    from prefline.tables.schemas import REJECTIONS

    rows = draft_table(draft)
    order = pc.sort_indices(rows, sort_keys=[("kind", "ascending"), ("id", "ascending")])
    with (
        atomic_write(rejections_part(folder, stage)) as file,
        pq.ParquetWriter(file, REJECTIONS, compression="zstd") as part,
    ):
        for start in range(0, rows.num_rows, ROWS_PER_GROUP):
            part.write_table(rows.take(order.slice(start, ROWS_PER_GROUP)))
