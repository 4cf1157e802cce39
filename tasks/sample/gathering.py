"""All prompts of all sources, what is wrong with some of them told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from prefline.config import SampleParams
from prefline.sources.opening import work_folder
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from prefline.tables.shards import Spread
from tasks.sample.drawing.holding import check_templates
from tasks.sample.drawing.tickets import Mask, Places
from tasks.sample.filtering.by_model import Asking, not_safe
from tasks.sample.filtering.copies import Copies, copies_in, rejections_of
from tasks.sample.filtering.crowd import Crowd
from tasks.sample.filtering.faults import Fault
from tasks.sample.filtering.marking import Known, Mark, mark
from tasks.sample.filtering.pool import Pool, new_pools
from tasks.sample.filtering.sifting import Offered, Sift, sift
from tasks.sample.reading import Reading, read_prompts


@dataclass(frozen=True)
class Gathered:
    """Prompts on disk, by place: what is known of each, which of them are copies, and which a model
    calls unsafe; which rows were refused before; and what was read of each source."""

    known: Known
    copies: Copies
    not_safe: Mapping[int, Rejection]
    refused: Pool
    offered: Offered
    readings: tuple[Reading, ...]

    @cached_property
    def left(self) -> Mask:
        """Whether there is nothing against the prompt of a place."""
        mask = self.copies.left.copy()
        mask[[*self.not_safe]] = False
        return mask

    @cached_property
    def free(self) -> Places:
        """The places of what can be drawn."""
        return np.flatnonzero(self.left & ~self.known.held_out)

    @cached_property
    def held_out(self) -> Places:
        """The places of what nothing is trained on."""
        return np.flatnonzero(self.left & self.known.held_out)

    @property
    def duplicates(self) -> int:
        """How many rows were exact copies of others, under the same id."""
        return self.offered.rows - len(self.known.crowd) - len(self.refused)

    @property
    def standing(self) -> Crowd:
        """All that there is nothing against."""
        return self.known.crowd.at(np.flatnonzero(self.left))

    def reasons(self) -> Counter[str]:
        """How many were rejected for which reason."""
        found = Counter(row["reason"] for row in self.refused.rows())
        found.update(one.reason for one in self.not_safe.values())
        return found + self.copies.by_reason()

    def rejected(self) -> tuple[Iterator[Rejection], ...]:
        """What was refused, the copies, and what is not safe, each by id."""
        refused = (Rejection(**row) for row in self.refused.rows())
        not_safe = (self.not_safe[place] for place in sorted(self.not_safe))
        return refused, rejections_of(self.copies, self.known.crowd), not_safe


@contextmanager
def gathering(
    params: SampleParams,
    root: Path,
    faults: Sequence[Fault],
    asked: Asking,
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
        copies = copies_in(known.crowd, params.filters, meaning=asked.meaning)
        unsafe = not_safe(asked, known.crowd, np.flatnonzero(copies.left))
        there = Gathered(known, copies, unsafe, refused, offered, readings)
        templates = known.tickets.at(np.flatnonzero(there.left)).templates
        check_templates(params.hold_out, templates)
        yield there


def _read(
    params: SampleParams, root: Path, readings: Sequence[Reading]
) -> Iterator[Prompt | Rejection]:
    for source, reading in zip(params.sources, readings, strict=True):
        yield from read_prompts(source, root, reading)
