"""Prompts that mean the same, by their embeddings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_DIGITS = 6  # of a cosine: more would tell machines apart


def semantic_duplicates(vectors: Floats, similarity: float) -> dict[int, int]:
    """Of vectors, shape `(n, dimensions)`, gone through in their order: each place that goes, and
    the place kept before it that it is most similar to. n times the kept ones are compared."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.maximum(lengths, np.finfo(float).tiny)
    kept, gone = list[int](), dict[int, int]()
    held = np.empty_like(directions)
    for place, direction in enumerate(directions):
        cosines = np.round(held[: len(kept)] @ direction, _DIGITS)
        if len(kept) and cosines.max() >= similarity:
            gone[place] = kept[int(cosines.argmax())]
            continue
        held[len(kept)] = direction
        kept.append(place)
    return gone
