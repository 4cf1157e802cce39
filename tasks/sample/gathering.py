"""All prompts of all sources, what is wrong with some of them told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from prefline.params import SampleParams
from prefline.prompts import Prompt
from prefline.sources.opening import work_folder
from prefline.spread import Spread
from prefline.tables import Rejection
from tasks.sample.copies import Copies, Meaning, copies_in, rejections_of
from tasks.sample.crowd import Crowd
from tasks.sample.faults import Fault
from tasks.sample.holding import check_templates
from tasks.sample.marking import Known, Mark, mark
from tasks.sample.pool import Pool, new_pools
from tasks.sample.reading import Reading, read_prompts
from tasks.sample.sifting import Offered, Sift, sift
from tasks.sample.tickets import Places


@dataclass(frozen=True)
class Gathered:
    """Prompts on disk, by place: what is known of each, which of them are copies, which rows were
    refused before, and what was read of each source."""

    known: Known
    copies: Copies
    refused: Pool
    offered: Offered
    readings: tuple[Reading, ...]

    @cached_property
    def free(self) -> Places:
        """The places of what can be drawn."""
        return np.flatnonzero(self.copies.left & ~self.known.held_out)

    @cached_property
    def held_out(self) -> Places:
        """The places of what nothing is trained on."""
        return np.flatnonzero(self.copies.left & self.known.held_out)

    @property
    def duplicates(self) -> int:
        """How many rows were exact copies of others, under the same id."""
        return self.offered.rows - len(self.known.crowd) - len(self.refused)

    @property
    def standing(self) -> Crowd:
        """All that is no copy."""
        return self.known.crowd.at(np.flatnonzero(self.copies.left))

    def reasons(self) -> Counter[str]:
        """How many were rejected for which reason."""
        return self.copies.by_reason() + Counter(row["reason"] for row in self.refused.rows())

    def rejected(self) -> tuple[Iterator[Rejection], Iterator[Rejection]]:
        """What was refused, and the copies, each by id."""
        refused = (Rejection(**row) for row in self.refused.rows())
        return refused, rejections_of(self.copies, self.known.crowd)


@contextmanager
def gathering(
    params: SampleParams,
    root: Path,
    faults: Sequence[Fault],
    meaning: Meaning | None,
    spread: Spread,
) -> Iterator[Gathered]:
    """Read all sources and filter them; what is on disk is there for as long as the block lasts.
    The work that each prompt takes by itself is `spread`.

    Raises what `read_prompts` and `check_templates` do, and `DiskFull`.
    """
    readings = tuple(Reading(source.name) for source in params.sources)
    with new_pools(work_folder(root), "prompts", "refused") as (pool, refused):
        read = _read(params, root, readings)
        offered = sift(read, Sift(faults, params.filters), pool, refused, spread)
        known = mark(pool, Mark(params.filters.near_duplicates, params.hold_out), spread)
        copies = copies_in(known.crowd, params.filters, meaning=meaning)
        there = known.tickets.at(np.flatnonzero(copies.left))
        check_templates(params.hold_out, there.templates)
        yield Gathered(known, copies, refused, offered, readings)


def _read(
    params: SampleParams, root: Path, readings: Sequence[Reading]
) -> Iterator[Prompt | Rejection]:
    for source, reading in zip(params.sources, readings, strict=True):
        yield from read_prompts(source, root, reading)
