"""Prompts to draw from, and pools of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prefline.config import MixParams, SampleParams
from prefline.sources.files import FileSource
from prefline.tables.prompts import Prompt, prompt_from_row
from tasks.sample.draw import SamplingPool
from tasks.sample.pool import Floats, PromptColumns, draw_keys, hash_uniforms, prompt_columns

SOURCES = (FileSource(name="a", path="a.csv"), FileSource(name="b", path="b.csv"))


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


def pool_of(
    prompts: Iterable[Prompt], seed: int = 0, weights: Floats | float = 1.0
) -> SamplingPool:
    columns = prompt_columns(prompts)
    return SamplingPool(columns, keys(columns, seed, weights))


def keys(columns: PromptColumns, seed: int, weights: Floats | float = 1.0) -> Floats:
    return draw_keys(hash_uniforms(columns, seed), weights)  # type: ignore[arg-type]


def params(
    size: int | None = None, *, mix: dict[str, Any] | None = None, **more: Any
) -> SampleParams:
    sources = more.pop("sources", SOURCES)
    return SampleParams(sources=sources, size=size, mix=MixParams(**mix or {}), **more)
