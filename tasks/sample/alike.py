"""Prompts that mean the same, by embeddings from an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prefline.engine import Engine
from prefline.filters.semantic import semantic_duplicates
from prefline.params import SemanticDuplicates
from prefline.prompts import Prompt
from tasks.sample.embedded import embedded


def alike(engine: Engine, rule: SemanticDuplicates, prompts: Iterable[Prompt]) -> dict[str, str]:
    """The id of each prompt that means what an earlier one means, and that one's id. A prompt that
    the endpoint gives no embedding of stays. Raises what `embedded` does."""
    names = list[str]()

    def noted() -> Iterator[Prompt]:
        for prompt in prompts:
            names.append(prompt.prompt_id)
            yield prompt

    found = embedded(engine, noted(), rule, "sample.filters.semantic_duplicates.endpoint")
    gone = semantic_duplicates(found.vectors, rule.similarity)
    return {names[found.places[one]]: names[found.places[other]] for one, other in gone.items()}
