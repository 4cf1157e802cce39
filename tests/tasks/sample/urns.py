"""Prompts to draw from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prefline.config import MixParams, SampleParams, Source
from prefline.tables.prompts import Prompt, prompt_from_row
from tasks.sample.draw import SamplingPool
from tasks.sample.pool import Floats, PromptColumns, draw_keys, hash_uniforms, prompt_columns

SOURCES = (Source(name="a", path="a.csv"), Source(name="b", path="b.csv"))


def prompts(count: int, categories: str = "xyz", sources: str = "ab") -> list[Prompt]:
    """Prompts of each category and source in turn."""
    return [
        prompt_from_row(
            {"prompt": f"Prompt {n}", "category": categories[n % len(categories)]},
            sources[n // len(categories) % len(sources)],
            "here",
        )
        for n in range(count)
    ]


def urn_of(every: Iterable[Prompt], seed: int = 0, weight: Floats | float = 1.0) -> SamplingPool:
    tickets = prompt_columns(every)
    return SamplingPool(tickets, keys(tickets, seed, weight))


def keys(tickets: PromptColumns, seed: int, weight: Floats | float = 1.0) -> Floats:
    return draw_keys(hash_uniforms(tickets, seed), weight)  # type: ignore[arg-type]


def params(
    size: int | None = None, *, mix: dict[str, Any] | None = None, **more: Any
) -> SampleParams:
    sources = more.pop("sources", SOURCES)
    return SampleParams(sources=sources, size=size, mix=MixParams(**mix or {}), **more)
