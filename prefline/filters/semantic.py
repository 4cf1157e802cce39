"""Embeddings of prompts from an endpoint, and prompts that mean the same by their embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from prefline.config.endpoints import Endpoint
from prefline.errors import EndpointError
from prefline.filters.corpus import AskingFilter, DuplicateFilter, PromptTexts
from prefline.filters.fingerprints import Positions
from prefline.llm import EmbeddingRequest, Engine, Failure
from prefline.tables.messages import transcript
from prefline.tables.prompts import Prompt

Floats = npt.NDArray[np.float64]

_DIGITS = 6  # of a cosine: more would tell machines apart


class SemanticDuplicates(AskingFilter, DuplicateFilter):
    """Reject prompts that mean what one that is kept means, by the cosine of their embeddings.
    Every prompt is compared with all kept ones, so this is for tens of thousands."""

    reason = "semantic_duplicate"

    endpoint: Endpoint = Field(description="one that serves /embeddings")
    similarity: float = Field(0.95, gt=0, le=1, description="cosine of two embeddings")
    max_characters: int = Field(3_000, ge=1, description="of a prompt, from its end")

    def find(
        self, texts: PromptTexts, n_fixed: int, engine: Engine | None
    ) -> tuple[Positions, Positions]:
        """Return the prompts after the fixed ones that repeat another of these; a prompt that the
        endpoint gives no embedding of stays. Raises what `embed_prompts` does."""
        positions = np.arange(n_fixed, len(texts))
        if engine is None:
            return positions[:0], positions[:0]
        embeddings = embed_prompts(
            engine, texts.prompts(positions), self.endpoint, self.max_characters,
            "sample.filters.semantic_duplicates.endpoint",
        )  # fmt: skip
        duplicates = find_semantic_duplicates(embeddings.vectors, self.similarity)
        embedded = positions[embeddings.positions]
        return (
            embedded[np.array([*duplicates], np.int64)],
            embedded[np.array([*duplicates.values()], np.int64)],
        )

    def requests(self, prompts: Iterable[Prompt]) -> Iterator[EmbeddingRequest]:
        """Return the request for each prompt's embedding."""
        return embedding_requests(prompts, self.endpoint, self.max_characters)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors, shape `(len(positions), dimensions)`, of the prompts at `positions`, of `count`."""

    positions: list[int]
    vectors: Floats
    count: int


def embedding_requests(
    prompts: Iterable[Prompt], endpoint: Endpoint, max_characters: int
) -> Iterator[EmbeddingRequest]:
    """Return the request for each prompt's embedding; of a longer one the end is embedded."""
    for prompt in prompts:
        yield EmbeddingRequest(endpoint.model, transcript(prompt.messages, max_characters))


def embed_prompts(
    engine: Engine, prompts: Iterable[Prompt], endpoint: Endpoint, max_characters: int, key: str
) -> Embeddings:
    """Return the embeddings of prompts as far as they can be had; each text is paid for once.

    `key` is where params name the endpoint. Raises `EndpointError` if there is not one embedding,
    and what the engine raises.
    """
    positions, vectors, count = list[int](), list[npt.NDArray[np.float32]](), 0
    failure: Failure | None = None
    requests = embedding_requests(prompts, endpoint, max_characters)
    for position, outcome in enumerate(engine.answer(requests)):
        if isinstance(outcome, Failure):
            failure = outcome
        else:
            positions.append(position)
            vectors.append(np.array(outcome.vector, np.float32))
        count = position + 1
    if failure is not None and not vectors:
        raise EndpointError(
            f"{endpoint.model} gave no embedding: {failure.reason}: {failure.detail}",
            f"name an endpoint that serves /embeddings under {key}",
            endpoint=endpoint.model,
        )
    matrix = np.array(vectors, np.float64) if vectors else np.zeros((0, 0))
    return Embeddings(positions, matrix, count)


def find_semantic_duplicates(vectors: Floats, similarity: float) -> dict[int, int]:
    """Return the position of each duplicate, and of the earlier kept vector that it is most similar
    to, of vectors of shape `(n, dimensions)` in their order.

    n times the kept ones are compared.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.maximum(lengths, np.finfo(float).tiny)
    kept, duplicates = list[int](), dict[int, int]()
    kept_directions = np.empty_like(directions)
    for position, direction in enumerate(directions):
        cosines = np.round(kept_directions[: len(kept)] @ direction, _DIGITS)
        if len(kept) and cosines.max() >= similarity:
            duplicates[position] = kept[int(cosines.argmax())]
            continue
        kept_directions[len(kept)] = direction
        kept.append(position)
    return duplicates
