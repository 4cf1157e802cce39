"""The work on shards of prompts, in one process or several: row filters as prompts are read, then
fingerprints and columns of what passed, partition by partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import orjson

from prefline.config import HoldOut
from prefline.filters.fingerprints import Codes, Fingerprints, MinHashParams, fingerprint_texts
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from prefline.tables.shards import Spread, shards
from tasks.sample.duplicates import PromptIndex
from tasks.sample.filtering import FilterRunner, RowChecks
from tasks.sample.partitions import (
    PartitionedRows,
    partition_lines,
    partition_rejections,
    prompt_from_line,
    sort_rejections,
    sorted_lines,
)
from tasks.sample.pool import (
    Mask,
    Positions,
    PromptColumns,
    concatenate_columns,
    is_held_out,
    prompt_columns,
)

_FILTER_SHARD = 20_000  # prompts
_INDEX_SHARD = 4 << 20  # bytes

Partitions = list[tuple[int, bytes]]
"""Numbers and lines of some partitions."""


@dataclass(frozen=True, slots=True)
class FilteredShard:
    """Lines of prompts that passed and of rejections, by partition, and counts of what was taken
    out of prompts."""

    passed: dict[int, bytes]
    rejected: dict[int, bytes]
    redacted: Counter[str]


@dataclass(frozen=True)
class FilterShard:
    """The work of the row filters on one shard, which is lines of prompts."""

    row_checks: RowChecks

    def __call__(self, shard: bytes) -> FilteredShard:
        """Filter the prompts of the shard."""
        runner = FilterRunner(self.row_checks)
        prompts = (prompt_from_line(orjson.loads(line)) for line in shard.splitlines())
        passed = partition_lines(
            (prompt.prompt_id, orjson.dumps(prompt)) for prompt in runner.run(prompts)
        )
        rejected = partition_rejections(runner.rejected.values())
        return FilteredShard(passed, rejected, runner.redacted)


@dataclass(slots=True)
class OfferedRows:
    """Counts of rows read, and of personal data taken out, by its kind."""

    rows: int
    redacted: Counter[str]


def filter_shards(
    rows: Iterable[Prompt | Rejection],
    work: FilterShard,
    passed: PartitionedRows,
    rejected: PartitionedRows,
    spread: Spread,
) -> OfferedRows:
    """Filter rows as they are read, into `passed` and `rejected`, which is sorted then.

    A row that its reader rejected stays rejected. Raises `DiskFull`, and what reading raises.
    """
    offered = OfferedRows(0, Counter())

    def lines() -> Iterator[bytes]:
        for row in rows:
            offered.rows += 1
            if isinstance(row, Prompt):
                yield orjson.dumps(row)
            else:
                rejected.append(partition_rejections([row]))

    for shard in spread(work, map(b"\n".join, shards(lines(), _FILTER_SHARD))):
        passed.append(shard.passed)
        rejected.append(shard.rejected)
        offered.redacted += shard.redacted
    sort_rejections(rejected)
    return offered


@dataclass(frozen=True, slots=True)
class IndexedPartition:
    """A partition: its lines in order, and the columns of its prompts. `bands` has the shape
    `(bands, prompts)`, the other columns `(prompts,)`."""

    number: int
    lines: bytes
    columns: PromptColumns
    held_out: Mask
    forms: Codes
    bands: Codes


@dataclass(frozen=True, slots=True)
class IndexPartitions:
    """The work on some partitions: sort them, and make the columns of their prompts."""

    near: MinHashParams | None
    hold_out: HoldOut

    def __call__(self, shard: Partitions) -> list[IndexedPartition]:
        """Index each partition of the shard."""
        return [self._index(number, lines) for number, lines in shard]

    def _index(self, number: int, lines: bytes) -> IndexedPartition:
        rows = sorted_lines(lines, "prompt_id")
        prompts = [prompt_from_line(orjson.loads(line)) for line in rows.values()]
        fingerprints = fingerprint_texts([prompt.text for prompt in prompts], self.near)
        held_out = [is_held_out(prompt, self.hold_out) for prompt in prompts]
        return IndexedPartition(
            number,
            b"\n".join(rows.values()),
            prompt_columns(prompts),
            np.array(held_out, np.bool_),
            fingerprints.forms,
            np.array([band() for band in fingerprints.bands], np.uint64),
        )


@dataclass(frozen=True, slots=True)
class IndexedPrompts:
    """All prompts that passed the row filters: their columns, whether each is held out, and the
    index in which duplicates are looked for."""

    columns: PromptColumns
    held_out: Mask
    index: PromptIndex


def index_partitions(
    rows: PartitionedRows, work: IndexPartitions, spread: Spread
) -> IndexedPrompts:
    """Sort all partitions, and index their prompts. Bands for near duplicates are kept on disk
    beside them. Raises `DiskFull`."""
    columns, held_out = [prompt_columns([])], [np.zeros(0, np.bool_)]
    forms, files = [np.zeros(0, np.uint64)], list[Path]()
    for shard in spread(work, _shards_of_partitions(rows.partitions())):
        for partition in shard:
            rows.replace(partition.number, partition.lines, len(partition.columns))
            columns.append(partition.columns)
            held_out.append(partition.held_out)
            forms.append(partition.forms)
            files.append(rows.save_columns(partition.number, partition.bands))
    bands = () if work.near is None or not files else _bands(files)
    all_columns = concatenate_columns(columns)
    fingerprints = Fingerprints(np.concatenate(forms), bands)
    index = PromptIndex(all_columns.ids, fingerprints, partial(_prompts, rows))
    return IndexedPrompts(all_columns, np.concatenate(held_out), index)


def _prompts(rows: PartitionedRows, positions: Positions) -> Iterator[Prompt]:
    return map(prompt_from_line, rows.rows(positions))


def _shards_of_partitions(partitions: Iterable[tuple[int, bytes]]) -> Iterator[Partitions]:
    """Return the partitions in shards that are worth sending."""
    shard, size = Partitions(), 0
    for number, lines in partitions:
        shard.append((number, lines))
        size += len(lines)
        if size >= _INDEX_SHARD:
            yield shard
            shard, size = Partitions(), 0
    if shard:
        yield shard


def _bands(files: list[Path]) -> tuple[partial[Codes], ...]:
    count = len(np.load(files[0], mmap_mode="r"))
    return tuple(partial(_load_band, files, number) for number in range(count))


def _load_band(files: list[Path], number: int) -> Codes:
    return np.concatenate([np.load(file, mmap_mode="r")[number] for file in files])
