"""What sampling came to, for DVC and for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from prefline.config import SampleParams
from tasks.sample.run import Sampled


def figures(sampled: Sampled) -> dict[str, Any]:
    """The stage's metrics, for DVC. `sources` says where rows came from: what changes outside of
    the project is seen here, as another hash or commit, once the stage has run again."""
    drawn = sampled.drawn
    categories = drawn.count(drawn.category, drawn.categories)
    categories.update(one.category for one in sampled.evolved)
    sources = drawn.count(drawn.source, drawn.sources)
    return {
        "prompts": len(drawn) + len(sampled.evolved),
        "held_out": sampled.held_out,
        "verifiable": int(drawn.checked.sum()),
        "rejected": dict(sorted(sampled.rejected.items())),
        "duplicates": sampled.duplicates,
        "redacted": dict(sorted(sampled.redacted.items())),
        "not_drawn_yet": sampled.left,
        "evolved": len(sampled.evolved),
        "categories": dict(sorted(categories.items())),
        "too_few": [asdict(one) for one in sampled.short],
        "sources": {
            one.source: {"rows": one.rows, "drawn": sources[one.source], **one.origin}
            for one in sampled.readings
        },
    }


def summary(sampled: Sampled, params: SampleParams) -> Iterator[str]:
    """What is to be said on the terminal: the counts, and what was not to be had."""
    drawn = len(sampled.drawn)
    yield (
        f"{drawn + len(sampled.evolved):,} prompts, {sampled.drawn.checked.sum():,} with a "
        f"verifier, {sampled.held_out:,} held out, {sampled.rejected.total():,} rejected, "
        f"{sampled.duplicates:,} duplicates"
    )
    if params.evolve is not None:
        asked = params.evolve.size
        yield f"{len(sampled.evolved):,} of the prompts are evolved, of {asked:,} asked for"
    for one in sampled.short:
        what = " of ".join(name for name in (one.category, one.source) if name)
        yield f"there are {one.there:,} prompts of {what} left, {one.asked:,} were to be drawn"
    if params.size is not None and drawn < params.size:
        yield (
            f"{params.size:,} prompts were to be drawn in round {params.round}: add sources, or "
            "set sample.reuse to draw some again"
        )
