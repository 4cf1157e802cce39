"""The files of a version, in every format that is wanted, from the table of preferences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.atomic import disk_errors
from prefline.errors import TableError
from prefline.releases import DraftFile
from prefline.tables import FORMATS, PREFERENCES
from tasks.publish.files import Files
from tasks.publish.formats import Projection, projections
from tasks.publish.order import Order
from tasks.publish.sorter import Sorter

WRITER = 1
"""Rises when the same rows come to give other bytes, so that a recipe tells them apart."""

_BATCH_BYTES = 32 << 20
_BATCH_ROWS = 8_192  # of 50,000 characters in four bytes each are still below 2 GiB


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a version, and what each format left out: counts by reason."""

    files: Sequence[DraftFile]
    left_out: Mapping[str, Mapping[str, int]]


def write_formats(
    parts: Sequence[Path], order: Order, formats: Sequence[str], folder: Path
) -> Written:
    """Write the preferences in `parts` in each of the formats, sorted, into `folder`.

    The same rows give the same bytes, whatever the parts' number and order. Memory is bounded
    but for the ids. Raises `TableError` and `DiskFull`.
    """
    made = projections(formats, order, folder)
    with ExitStack() as stack, disk_errors(folder):
        files = [stack.enter_context(Files(one.name, FORMATS[one.name], folder)) for one in made]
        start = 0
        for rows in _sorted(parts, order, folder):
            for one, into in zip(made, files, strict=True):
                _write(into, one.of(rows, start))
            start += rows.num_rows
        for one, into in zip(made, files, strict=True):
            for rows in one.rest():
                _write(into, rows)
    return Written([file for one in files for file in one.written], _left_out(made))


def _write(into: Files, rows: pa.Table | None) -> None:
    if rows is not None and rows.num_rows:
        into.write(rows)


def _left_out(made: Sequence[Projection]) -> dict[str, dict[str, int]]:
    return {one.name: dict(one.left_out) for one in made if any(one.left_out.values())}


def _sorted(parts: Sequence[Path], order: Order, folder: Path) -> Iterator[pa.Table]:
    sorter = Sorter(order.count, folder / "buckets")
    start = 0
    for rows in _batches(parts):
        sorter.add(rows, order.rank[start : start + rows.num_rows])
        start += rows.num_rows
    yield from sorter


def _batches(parts: Sequence[Path]) -> Iterator[pa.Table]:
    """The rows of all parts, some 32 MiB at a time.

    Raises `TableError` if a part cannot be read or is not of the schema.
    """
    for part in parts:
        try:
            file = pq.ParquetFile(part)
            for number in range(file.num_row_groups):
                rows = _rows_at_once(file.metadata.row_group(number))
                for batch in file.iter_batches(rows, row_groups=[number]):
                    yield pa.Table.from_batches([batch]).select(PREFERENCES.names).cast(PREFERENCES)
        except (pa.ArrowException, KeyError) as error:
            raise TableError(
                f"{part} cannot be published: {error}",
                "run `dvc repro`: the stage `pair` makes it, and `validate` checks it",
            ) from error


def _rows_at_once(group: pq.RowGroupMetaData) -> int:
    mean = group.total_byte_size / max(1, group.num_rows)
    return int(min(_BATCH_ROWS, max(1, _BATCH_BYTES // max(1, mean))))
