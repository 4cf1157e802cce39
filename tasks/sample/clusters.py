"""Groups of alike prompts, so that a draw can take as many from each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from prefline.engine import EmbeddingRequest, Engine, Failure
from prefline.errors import EndpointError, InputError
from prefline.learning.conversation import transcript
from prefline.params import DiversityParams
from prefline.prompts import Prompt
from tasks.sample.tickets import Codes, Floats

_DIGITS = 6  # of an embedding: more would tell machines apart
_FITTED = 50_000  # prompts that the centres are found on


def clusters_of(
    engine: Engine, prompts: Iterable[Prompt], params: DiversityParams, seed: int
) -> Codes:
    """The cluster of each prompt, shape `(n,)`, by k-means on embeddings; -1 for one that the
    endpoint gave no embedding of. Each text is paid for once.

    Raises `EndpointError` if not one embedding could be had, and what the engine raises.
    """
    places, vectors, count = list[int](), list[npt.NDArray[np.float32]](), 0
    failure: Failure | None = None
    for place, outcome in enumerate(engine.answer(_requests(prompts, params))):
        if isinstance(outcome, Failure):
            failure = outcome
        else:
            places.append(place)
            vectors.append(np.array(outcome.vector, np.float32))
        count = place + 1
    if failure is not None and not vectors:
        raise EndpointError(
            f"{params.endpoint.model} gave no embedding: {failure.reason}: {failure.detail}",
            "name an endpoint that serves /embeddings under sample.mix.diversity.endpoint",
            endpoint=params.endpoint.model,
        )
    found = np.full(count, -1, np.int32)
    if vectors:
        found[places] = grouped(np.array(vectors, np.float64), params.clusters, seed)
    return found


def _requests(prompts: Iterable[Prompt], params: DiversityParams) -> Iterable[EmbeddingRequest]:
    for prompt in prompts:
        text = transcript(prompt.messages, params.max_characters)
        yield EmbeddingRequest(params.endpoint.model, text)


def grouped(vectors: Floats, count: int, seed: int) -> Codes:
    """The group of each vector, shape `(n,)` of vectors of shape `(n, dimensions)`: k-means on
    their directions (spherical, Dhillon and Modha 2001), centres found on the first 50,000.

    On one thread, because several add up in an order of their own. Raises `InputError` if
    scikit-learn is not installed.
    """
    try:
        from sklearn.cluster import KMeans
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise InputError(
            "sample.mix.diversity needs scikit-learn, which is not installed",
            "install the extra: `uv sync --extra line`, or `pip install 'prefline[line]'`",
        ) from error
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = np.round(vectors / np.maximum(lengths, np.finfo(float).tiny), _DIGITS)
    distinct = len(np.unique(directions[:_FITTED], axis=0))
    with threadpool_limits(limits=1):
        model = KMeans(min(count, distinct), n_init=1, random_state=seed)
        model.fit(directions[:_FITTED])
        return np.asarray(model.predict(directions), np.int32)
