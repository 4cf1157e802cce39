"""Embeddings of conversations, from an endpoint through the engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from prefline.config import RewardHeadParams
from prefline.errors import EndpointError
from prefline.llm import EmbeddingRequest, Engine, Failure
from prefline.stats import Floats
from prefline.tables.messages import Conversation, transcript


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors, shape `(found, dimensions)`, of the conversations at `places`; `failures` has
    those of the others."""

    places: tuple[int, ...]
    vectors: Floats
    failures: dict[int, Failure]


def embedding_request(params: RewardHeadParams, conversation: Conversation) -> EmbeddingRequest:
    """The request for a conversation's embedding."""
    return EmbeddingRequest(params.endpoint.model, transcript(conversation, params.max_characters))


def embed(
    engine: Engine, params: RewardHeadParams, conversations: Iterable[Conversation]
) -> Embedded:
    """The embeddings of conversations, by the endpoint of `params`; each text is paid for once.

    Raises `EndpointError` if not one of them could be had, or if they differ in length, and what
    the engine raises.
    """
    requests = (embedding_request(params, one) for one in conversations)
    places, vectors, failures = list[int](), list[Sequence[float]](), dict[int, Failure]()
    for place, outcome in enumerate(engine.answer(requests)):
        if isinstance(outcome, Failure):
            failures[place] = outcome
        else:
            places.append(place)
            vectors.append(outcome.vector)
    _check(params.endpoint.model, vectors, failures)
    return Embedded(tuple(places), np.array(vectors, dtype=np.float64), failures)


def _check(model: str, vectors: list[Sequence[float]], failures: dict[int, Failure]) -> None:
    if not vectors and failures:
        first = next(iter(failures.values()))
        raise EndpointError(
            f"{model} gave no embedding: {first.reason}: {first.detail}",
            "name an endpoint that serves /embeddings under train.endpoint",
            endpoint=model,
        )
    if len({len(vector) for vector in vectors}) > 1:
        raise EndpointError(
            f"{model} gave embeddings of different lengths",
            "see that all replicas of train.endpoint serve the same model",
            endpoint=model,
        )
