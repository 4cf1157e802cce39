"""Prompts that mean the same, by embeddings from an endpoint."""

from __future__ import annotations

from collections.abc import Iterable

from prefline.config import SemanticDuplicates
from prefline.filters.semantic import semantic_duplicates
from prefline.llm import Engine
from prefline.tables.prompts import Prompt
from tasks.sample.asking.embedded import embedded


def alike(engine: Engine, rule: SemanticDuplicates, prompts: Iterable[Prompt]) -> dict[int, int]:
    """The number of each prompt that means what an earlier one means, and that one's number. A
    prompt that the endpoint gives no embedding of stays. Raises what `embedded` does."""
    found = embedded(engine, prompts, rule, "sample.filters.semantic_duplicates.endpoint")
    gone = semantic_duplicates(found.vectors, rule.similarity)
    return {found.places[one]: found.places[other] for one, other in gone.items()}
