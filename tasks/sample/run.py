"""All of sampling: read, filter, hold out, draw, evolve."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prefline.config import SampleParams
from prefline.llm import Engine
from prefline.tables import Rejection, by_kind_and_id
from prefline.tables.prompts import Prompt
from prefline.tables.shards import Spread, here
from tasks.sample.asking.clusters import clusters_of
from tasks.sample.asking.evolving import evolve, only_new
from tasks.sample.drawing.doubt import read_doubts, weights
from tasks.sample.drawing.ledger import read_ledger
from tasks.sample.drawing.mix import Short, Urn
from tasks.sample.drawing.rounds import Ledger, draw_of_round
from tasks.sample.drawing.tickets import Ids, Tickets, as_number, lots, places_in_lottery
from tasks.sample.filtering.by_model import asking
from tasks.sample.filtering.crowd import Crowd
from tasks.sample.filtering.faults import faults_of
from tasks.sample.filtering.keeping import Sieve, keep
from tasks.sample.gathering import gathering
from tasks.sample.reading import Reading


@dataclass(frozen=True, slots=True)
class Sampled:
    """What sampling decided. `drawn` are the tickets of what this round drew, `held_out` counts
    prompts that nothing is trained on, `rejected` counts rejections by their reasons, `evolved` are
    prompts that a model made of the drawn ones. `ledger` says what each round up to this one has,
    by ids as numbers; `left` counts prompts that no round has drawn yet."""

    drawn: Tickets
    held_out: int
    rejected: Counter[str]
    duplicates: int
    redacted: Counter[str]
    readings: tuple[Reading, ...]
    ledger: Ledger
    short: tuple[Short, ...]
    evolved: list[Prompt]
    left: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The decisions; prompts by id: those that go in, those that are held out, and all that there
    is nothing against; and what was rejected. All are read from disk whenever they are asked
    for."""

    decided: Sampled
    kept: Callable[[], Iterator[Prompt]]
    held_out: Callable[[], Iterator[Prompt]]
    standing: Callable[[], Iterator[Prompt]]
    rejected: Callable[[], Iterator[Rejection]]


@contextmanager
def sampling(
    params: SampleParams, root: Path, engine: Engine | None = None, spread: Spread = here
) -> Iterator[Sample]:
    """Read all sources, filter, hold out, draw, and evolve; the prompts are there for as long as
    the block lasts. Without an `engine` nothing is asked of a model: prompts are then neither
    clustered nor evolved, nor asked about. The work that each prompt takes by itself is
    `spread`.

    Raises what `gathering` and `draw_of_round` do.
    """
    faults, asked = faults_of(params, root), asking(params, engine)
    with gathering(params, root, faults, asked, spread) as there:
        free = there.known.crowd.at(there.free)
        tickets = there.known.tickets.at(there.free)
        ledger = read_ledger(root / "data" / "drawn", params.round)
        found = draw_of_round(_urn(tickets, free, params, root, engine), params, ledger)
        drawn = free.at(found.places)

        later = Sieve(faults, params.filters)
        seen = [tickets.ids, there.known.crowd.ids[there.held_out], *ledger.values()]
        standing = there.standing if params.evolve else None
        grown = keep(_new(drawn, params, engine, seen), later, params.filters, standing, asked)

        now = {**ledger, params.round: np.concatenate([drawn.ids, _ids(grown.kept)])}
        decided = Sampled(
            drawn=tickets.at(found.places),
            held_out=len(there.held_out),
            rejected=there.reasons() + Counter(one.reason for one in grown.rejected),
            duplicates=there.duplicates + grown.duplicates,
            redacted=there.offered.redacted + later.redacted,
            readings=there.readings,
            ledger=now,
            short=found.short,
            evolved=grown.kept,
            left=int((~np.isin(tickets.ids, np.concatenate([*now.values()]))).sum()),
        )
        yield Sample(
            decided,
            lambda: heapq.merge(_every(drawn), grown.kept, key=lambda one: one.prompt_id),
            lambda: there.known.crowd.prompts(there.held_out),
            lambda: _every(there.standing),
            lambda: heapq.merge(
                *there.rejected(),
                sorted(grown.rejected, key=by_kind_and_id),
                key=by_kind_and_id,
            ),
        )


def sample_prompts(params: SampleParams, root: Path) -> tuple[list[Prompt], list[Prompt]]:
    """The prompts that would go in and those that would be held out, where all fit into memory and
    no model is asked. Raises what `sampling` raises."""
    with sampling(params, root) as sample:
        return list(sample.kept()), list(sample.held_out())


def _urn(
    tickets: Tickets,
    crowd: Crowd,
    params: SampleParams,
    root: Path,
    engine: Engine | None,
) -> Urn:
    doubt, diversity = params.mix.doubt, params.mix.diversity
    weight = np.ones(len(tickets))
    if doubt is not None:
        weight = weights(tickets, read_doubts(doubt, root), doubt.emphasis)
    cluster = None
    if diversity is not None and engine is not None:
        cluster = clusters_of(engine, _every(crowd), diversity, params.seed)
    return Urn(tickets, places_in_lottery(lots(tickets, params.seed), weight), cluster)


def _new(
    drawn: Crowd,
    params: SampleParams,
    engine: Engine | None,
    known: list[Ids],
) -> Iterator[Prompt | Rejection]:
    """What a model makes of the drawn prompts, before any filter."""
    if params.evolve is not None and engine is not None:
        yield from only_new(evolve(engine, list(_every(drawn)), params), known)


def _every(crowd: Crowd) -> Iterator[Prompt]:
    return crowd.prompts(np.arange(len(crowd)))


def _ids(prompts: Sequence[Prompt]) -> Ids:
    return np.array([as_number(one.prompt_id) for one in prompts], np.uint64)
