"""The `rejections` table: what did not make it, and why.

Each stage writes one part of it, numbered by the stage's place in the line, so that the
folder as a whole is the table and no stage touches what another wrote.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.parquet as pq

from prefline.tables.parts import disk_errors
from prefline.tables.schemas import REJECTIONS, table_from_rows

STAGES = ("sample", "generate", "judge", "pair")


@dataclass(frozen=True, slots=True)
class Rejection:
    """One item that a stage was offered and did not pass on."""

    stage: str
    kind: str
    id: str
    reason: str
    detail: str | None = None


def rejections_part(folder: Path, stage: str) -> Path:
    """The part of the table that `stage` writes."""
    return folder / f"part-{STAGES.index(stage):05d}.parquet"


def write_rejections(folder: Path, stage: str, rejections: list[Rejection]) -> None:
    """Write a stage's part, sorted, by an atomic rename. Raises `DiskFull`."""
    rows = sorted((asdict(one) for one in rejections), key=lambda row: (row["kind"], row["id"]))
    path = rejections_part(folder, stage)
    draft = path.with_name(f".{path.name}.draft")
    with disk_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table_from_rows(rows, REJECTIONS), draft, compression="zstd")
        draft.rename(path)
