"""Embeddings of prompts, from an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prefline.config import DiversityParams, SemanticDuplicates
from prefline.errors import EndpointError
from prefline.llm import EmbeddingRequest, Engine, Failure
from prefline.reward.conversation import transcript
from prefline.tables.prompts import Prompt
from tasks.sample.drawing.tickets import Floats


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors, shape `(found, dimensions)`, of the prompts at `places`, of `count` in all."""

    places: list[int]
    vectors: Floats
    count: int


def embedding_requests(
    prompts: Iterable[Prompt], params: DiversityParams | SemanticDuplicates
) -> Iterator[EmbeddingRequest]:
    """What is asked for the embedding of each prompt."""
    for one in prompts:
        text = transcript(one.messages, params.max_characters)
        yield EmbeddingRequest(params.endpoint.model, text)


def embedded(
    engine: Engine,
    prompts: Iterable[Prompt],
    params: DiversityParams | SemanticDuplicates,
    key: str,
) -> Embedded:
    """The embeddings of prompts as far as they can be had; each text is paid for once. `key` is
    where params name the endpoint.

    Raises `EndpointError` if not one could be had, and what the engine raises.
    """
    places, vectors, count = list[int](), list[npt.NDArray[np.float32]](), 0
    failure: Failure | None = None
    for place, outcome in enumerate(engine.answer(embedding_requests(prompts, params))):
        if isinstance(outcome, Failure):
            failure = outcome
        else:
            places.append(place)
            vectors.append(np.array(outcome.vector, np.float32))
        count = place + 1
    if failure is not None and not vectors:
        raise EndpointError(
            f"{params.endpoint.model} gave no embedding: {failure.reason}: {failure.detail}",
            f"name an endpoint that serves /embeddings under {key}",
            endpoint=params.endpoint.model,
        )
    found = np.array(vectors, np.float64) if vectors else np.zeros((0, 0))
    return Embedded(places, found, count)
