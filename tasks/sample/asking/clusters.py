"""Groups of alike prompts, so that a draw can take as many from each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from prefline.config import DiversityParams
from prefline.errors import InputError
from prefline.llm import Engine
from prefline.tables.prompts import Prompt
from tasks.sample.asking.embedded import embedded
from tasks.sample.drawing.tickets import Codes, Floats

_DIGITS = 6  # of an embedding: more would tell machines apart
_FITTED = 50_000  # prompts that the centres are found on


def clusters_of(
    engine: Engine, prompts: Iterable[Prompt], params: DiversityParams, seed: int
) -> Codes:
    """The cluster of each prompt, shape `(n,)`, by k-means on embeddings; -1 for one that the
    endpoint gave no embedding of. Each text is paid for once.

    Raises what `embedded` does.
    """
    known = embedded(engine, prompts, params, "sample.mix.diversity.endpoint")
    found = np.full(known.count, -1, np.int32)
    if known.places:
        found[known.places] = grouped(known.vectors, params.clusters, seed)
    return found


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
