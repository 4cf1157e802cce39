"""All of sampling: read, filter, hold out, draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from prefline.engine import Engine
from prefline.params import SampleParams
from prefline.prompts import Prompt
from prefline.tables import Rejection
from tasks.sample.clusters import clusters_of
from tasks.sample.doubt import read_doubts, weights
from tasks.sample.evolving import SOURCE, evolve, known_ids, only_new
from tasks.sample.holding import hold_out
from tasks.sample.keeping import Kept, keep
from tasks.sample.ledger import read_ledger
from tasks.sample.mix import Short, Urn
from tasks.sample.reading import Reading, read_prompts
from tasks.sample.rounds import Ledger, draw_of_round
from tasks.sample.tickets import as_number, lots, places_in_lottery, tickets_of


@dataclass(frozen=True, slots=True)
class Sampled:
    """What sampling decided. `kept` are the drawn prompts and those that were evolved of them;
    `held_out` prompts that nothing is trained on; `drawn` says what each round up to this one has
    drawn, by ids as numbers; `left` counts prompts that no round has drawn yet."""

    kept: list[Prompt]
    rejected: list[Rejection]
    duplicates: int
    held_out: list[Prompt] = field(default_factory=list)
    readings: tuple[Reading, ...] = ()
    drawn: Ledger = field(default_factory=dict)
    short: tuple[Short, ...] = ()
    left: int = 0


def sample_prompts(params: SampleParams, root: Path, engine: Engine | None = None) -> Sampled:
    """Read all sources, filter, hold out, draw, and evolve. Without an `engine` nothing is asked of
    a model: prompts are then neither clustered nor evolved.

    Raises what `read_prompts`, `hold_out` and `draw_of_round` do.
    """
    readings = tuple(Reading(source.name) for source in params.sources)
    read = (
        prompt
        for source, reading in zip(params.sources, readings, strict=True)
        for prompt in read_prompts(source, root, reading)
    )
    filtered = keep(read, params.max_characters)
    rest, held_out = hold_out(filtered.kept, params.hold_out)
    ledger = read_ledger(root / "data" / "drawn", params.round)
    urn = _urn(rest, params, root, engine)
    found = draw_of_round(urn, params, ledger)
    kept = [rest[place] for place in found.places.tolist()]
    grown = Kept([], [], 0)
    if params.evolve is not None and engine is not None:
        offered = evolve(engine, kept, params)
        known = known_ids(rest, held_out, ledger)
        grown = keep(only_new(offered, known), params.max_characters)
    kept = sorted([*kept, *grown.kept], key=lambda prompt: prompt.prompt_id)
    drawn = {
        **ledger,
        params.round: np.array([as_number(one.prompt_id) for one in kept], np.uint64),
    }
    seen = np.isin(urn.tickets.ids, np.concatenate(list(drawn.values())))
    return Sampled(
        kept=kept,
        rejected=[*filtered.rejected, *grown.rejected],
        duplicates=filtered.duplicates + grown.duplicates,
        held_out=held_out,
        readings=readings,
        drawn=drawn,
        short=found.short,
        left=int((~seen).sum()),
    )


def _urn(prompts: list[Prompt], params: SampleParams, root: Path, engine: Engine | None) -> Urn:
    tickets = tickets_of(prompts)
    doubt, diversity = params.mix.doubt, params.mix.diversity
    weight = np.ones(len(tickets))
    if doubt is not None:
        weight = weights(tickets, read_doubts(doubt, root), doubt.emphasis)
    cluster = None
    if diversity is not None and engine is not None:
        cluster = clusters_of(engine, prompts, diversity, params.seed)
    return Urn(tickets, places_in_lottery(lots(tickets, params.seed), weight), cluster)


def figures(sampled: Sampled) -> dict[str, Any]:
    """The stage's metrics, for DVC. `sources` says where rows came from: what changes outside of
    the project is seen here, as another hash or commit, once the stage has run again."""
    counted = {name: Counter(getattr(one, name) for one in sampled.kept)
               for name in ("category", "source")}  # fmt: skip
    return {
        "prompts": len(sampled.kept),
        "held_out": len(sampled.held_out),
        "verifiable": sum(prompt.verifier is not None for prompt in sampled.kept),
        "rejected": dict(Counter(one.reason for one in sampled.rejected)),
        "duplicates": sampled.duplicates,
        "not_drawn_yet": sampled.left,
        "evolved": counted["source"][SOURCE],
        "categories": dict(sorted(counted["category"].items())),
        "too_few": [asdict(one) for one in sampled.short],
        "sources": {
            one.source: {"rows": one.rows, "drawn": counted["source"][one.source], **one.origin}
            for one in sampled.readings
        },
    }


def summary(sampled: Sampled, params: SampleParams) -> Iterator[str]:
    """What is to be said on the terminal: the counts, and what was not to be had."""
    verifiable = sum(prompt.verifier is not None for prompt in sampled.kept)
    yield (
        f"{len(sampled.kept):,} prompts, {verifiable:,} with a verifier, "
        f"{len(sampled.held_out):,} held out, {len(sampled.rejected):,} rejected, "
        f"{sampled.duplicates:,} duplicates"
    )
    if params.evolve is not None:
        evolved = sum(prompt.source == SOURCE for prompt in sampled.kept)
        yield f"{evolved:,} of the prompts are evolved, of {params.evolve.size:,} asked for"
    for one in sampled.short:
        what = " of ".join(name for name in (one.category, one.source) if name)
        yield f"there are {one.there:,} prompts of {what} left, {one.asked:,} were to be drawn"
    drawn = sum(prompt.source != SOURCE for prompt in sampled.kept)
    if params.size is not None and drawn < params.size:
        yield (
            f"{params.size:,} prompts were to be drawn in round {params.round}: add sources, or "
            "set sample.reuse to draw some again"
        )
