"""What must be known of every prompt at once, made shelf by shelf."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import orjson

from prefline.config import HoldOut, NearDuplicates
from prefline.filters.marks import Codes, Marks, marks_of
from prefline.tables.prompts import Prompt
from prefline.tables.shards import Spread
from tasks.sample.drawing.holding import is_held_out
from tasks.sample.drawing.tickets import Mask, Places, Tickets, joined, tickets_of
from tasks.sample.filtering.crowd import Crowd
from tasks.sample.filtering.pool import Pool, prompt_of, settled

_SHARD = 4 << 20  # bytes
Shard = list[tuple[int, bytes]]
"""Some shelves: their numbers and lines."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A shelf: its lines in order, and what is known of each prompt of it. Columns have a value for
    each prompt, `bands` the shape `(bands, prompts)`."""

    number: int
    lines: bytes
    tickets: Tickets
    held_out: Mask
    forms: Codes
    bands: Codes


@dataclass(frozen=True, slots=True)
class Mark:
    """The work on some shelves."""

    near: NearDuplicates | None
    hold_out: HoldOut

    def __call__(self, shard: Shard) -> list[Marked]:
        """Mark each of them."""
        return [self._marked(number, lines) for number, lines in shard]

    def _marked(self, number: int, lines: bytes) -> Marked:
        rows = settled(lines, "prompt_id")
        prompts = [prompt_of(orjson.loads(line)) for line in rows.values()]
        marks = marks_of([one.text for one in prompts], self.near)
        held_out = [is_held_out(one, self.hold_out) for one in prompts]
        return Marked(
            number,
            b"\n".join(rows.values()),
            tickets_of(prompts),
            np.array(held_out, np.bool_),
            marks.forms,
            np.array([band() for band in marks.bands], np.uint64),
        )


@dataclass(frozen=True, slots=True)
class Known:
    """All prompts of a pool: what the lottery knows of each, whether it is held out, and what
    copies are found by."""

    tickets: Tickets
    held_out: Mask
    crowd: Crowd


def mark(pool: Pool, work: Mark, spread: Spread) -> Known:
    """Settle a pool, and mark its prompts. What is made for near duplicates is kept on disk beside
    it. Raises `DiskFull`."""
    tickets, held_out = [tickets_of([])], [np.zeros(0, np.bool_)]
    forms, files = [np.zeros(0, np.uint64)], list[Path]()
    for shard in spread(work, _shards(pool.shelves())):
        for one in shard:
            pool.settle(one.number, one.lines, len(one.tickets))
            tickets.append(one.tickets)
            held_out.append(one.held_out)
            forms.append(one.forms)
            files.append(pool.keep_beside(one.number, one.bands))
    bands = () if work.near is None or not files else _bands(files)
    everyone = joined(tickets)
    marks = Marks(np.concatenate(forms), bands)
    crowd = Crowd(everyone.ids, marks, partial(_prompts, pool))
    return Known(everyone, np.concatenate(held_out), crowd)


def _prompts(pool: Pool, places: Places) -> Iterator[Prompt]:
    return map(prompt_of, pool.rows(places))


def _shards(shelves: Iterable[tuple[int, bytes]]) -> Iterator[Shard]:
    """The shelves in shards that are worth sending."""
    some, size = Shard(), 0
    for number, lines in shelves:
        some.append((number, lines))
        size += len(lines)
        if size >= _SHARD:
            yield some
            some, size = Shard(), 0
    if some:
        yield some


def _bands(files: list[Path]) -> tuple[partial[Codes], ...]:
    count = len(np.load(files[0], mmap_mode="r"))
    return tuple(partial(_band, files, number) for number in range(count))


def _band(files: list[Path], number: int) -> Codes:
    return np.concatenate([np.load(file, mmap_mode="r")[number] for file in files])
