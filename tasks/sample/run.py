"""All of sampling: read, filter, hold out, draw, evolve."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from prefline.engine import Engine
from prefline.params import SampleParams
from prefline.prompts import Prompt
from prefline.sources.opening import work_folder
from prefline.tables import Rejection
from tasks.sample.alike import alike
from tasks.sample.clusters import clusters_of
from tasks.sample.copies import Meaning, copies_in, nothing, rejections_of
from tasks.sample.doubt import read_doubts, weights
from tasks.sample.evolving import evolve, only_new
from tasks.sample.faults import faults_of
from tasks.sample.holding import check_templates, is_held_out
from tasks.sample.keeping import Kept, Sieve, keep
from tasks.sample.ledger import read_ledger
from tasks.sample.mix import Draw, Short, Urn
from tasks.sample.pool import new_pool
from tasks.sample.reading import Reading, read_prompts
from tasks.sample.rounds import Ledger, draw_of_round
from tasks.sample.tickets import Ids, TicketBook, Tickets, as_number, lots, places_in_lottery


@dataclass(frozen=True, slots=True)
class Sampled:
    """What sampling decided. `drawn` are the tickets of what this round drew, `held_out` counts
    prompts that nothing is trained on, `evolved` are those that a model made of the drawn ones.
    `ledger` says what each round up to this one has, by ids as numbers; `left` counts prompts that
    no round has drawn yet."""

    drawn: Tickets
    held_out: int
    rejected: list[Rejection]
    duplicates: int
    redacted: Counter[str] = field(default_factory=Counter)
    readings: tuple[Reading, ...] = ()
    ledger: Ledger = field(default_factory=dict)
    short: tuple[Short, ...] = ()
    evolved: list[Prompt] = field(default_factory=list)
    left: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """The decisions, and the prompts by id: those that go in, and those that are held out. They are
    read from disk whenever they are asked for."""

    decided: Sampled
    kept: Callable[[], Iterator[Prompt]]
    held_out: Callable[[], Iterator[Prompt]]


@contextmanager
def sampling(params: SampleParams, root: Path, engine: Engine | None = None) -> Iterator[Sample]:
    """Read all sources, filter, hold out, draw, and evolve; the prompts are there for as long as
    the block lasts. Without an `engine` nothing is asked of a model: prompts are then neither
    clustered nor evolved, nor told by their meaning.

    Raises what `read_prompts`, `check_templates` and `draw_of_round` do, and `DiskFull`.
    """
    readings = tuple(Reading(source.name) for source in params.sources)
    read = (
        prompt
        for source, reading in zip(params.sources, readings, strict=True)
        for prompt in read_prompts(source, root, reading)
    )
    faults, meaning = faults_of(params, root), _meaning(params, engine)
    sieve = Sieve(faults, params.filters)
    with new_pool(work_folder(root)) as pool:
        pool.gather(sieve.sift(read))
        gone = copies_in(lambda: pool, params.filters, meaning=meaning)

        def every() -> Iterator[Prompt]:
            return (one for one in pool if one.prompt_id not in gone)

        tickets, held_out = _tickets(every(), params)

        def rest() -> Iterator[Prompt]:
            return (one for one in every() if not is_held_out(one, params.hold_out))

        ledger = read_ledger(root / "data" / "drawn", params.round)
        urn = _urn(tickets, rest, params, root, engine)
        found = draw_of_round(urn, params, ledger)
        wanted = np.zeros(len(tickets), np.bool_)
        wanted[found.places] = True

        def drawn() -> Iterator[Prompt]:
            return (one for one, is_drawn in zip(rest(), wanted, strict=True) if is_drawn)

        new = _new(drawn, params, engine, [tickets.ids, held_out, *ledger.values()])
        later = Sieve(faults, params.filters)
        grown = keep(new, later, params.filters, every if params.evolve else nothing, meaning)
        decided = _decided(tickets, found, ledger, params, grown)
        known = len(tickets) + len(held_out) + len(gone) + len(sieve.rejected)
        copied = rejections_of(gone, lambda: pool)
        yield Sample(
            replace(
                decided,
                held_out=len(held_out),
                rejected=[*sieve.rejected.values(), *copied, *grown.rejected],
                duplicates=sieve.offered - known + grown.duplicates,
                redacted=sieve.redacted + later.redacted,
                readings=readings,
            ),
            lambda: heapq.merge(drawn(), grown.kept, key=lambda one: one.prompt_id),
            lambda: (one for one in every() if is_held_out(one, params.hold_out)),
        )


def sample_prompts(params: SampleParams, root: Path) -> tuple[list[Prompt], list[Prompt]]:
    """The prompts that would go in and those that would be held out, where all fit into memory and
    no model is asked. Raises what `sampling` raises."""
    with sampling(params, root) as sample:
        return list(sample.kept()), list(sample.held_out())


def _tickets(prompts: Iterable[Prompt], params: SampleParams) -> tuple[Tickets, Ids]:
    """The tickets of what can be drawn, and the ids of what is held out."""
    book, held_out, templates = TicketBook(), list[int](), set[str | None]()
    for prompt in prompts:
        templates.add(prompt.template)
        if is_held_out(prompt, params.hold_out):
            held_out.append(as_number(prompt.prompt_id))
        else:
            book.add(prompt)
    check_templates(params.hold_out, templates)
    return book.closed(), np.array(held_out, np.uint64)


def _urn(
    tickets: Tickets,
    prompts: Callable[[], Iterator[Prompt]],
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
        cluster = clusters_of(engine, prompts(), diversity, params.seed)
    return Urn(tickets, places_in_lottery(lots(tickets, params.seed), weight), cluster)


def _new(
    drawn: Callable[[], Iterator[Prompt]],
    params: SampleParams,
    engine: Engine | None,
    known: list[Ids],
) -> Iterator[Prompt | Rejection]:
    """What a model makes of the drawn prompts, before any filter."""
    if params.evolve is not None and engine is not None:
        yield from only_new(evolve(engine, list(drawn()), params), known)


def _meaning(params: SampleParams, engine: Engine | None) -> Meaning | None:
    rule = params.filters.semantic_duplicates
    return None if rule is None or engine is None else partial(alike, engine, rule)


def _decided(
    tickets: Tickets, found: Draw, before: Ledger, params: SampleParams, grown: Kept
) -> Sampled:
    new = np.array([as_number(one.prompt_id) for one in grown.kept], np.uint64)
    ids = tickets.ids[found.places]
    ledger = {**before, params.round: np.concatenate([ids, new])}
    seen = np.isin(tickets.ids, np.concatenate(list(ledger.values())))
    return Sampled(
        drawn=tickets.at(found.places),
        held_out=0,
        rejected=[],
        duplicates=0,
        ledger=ledger,
        short=found.short,
        evolved=grown.kept,
        left=int((~seen).sum()),
    )
