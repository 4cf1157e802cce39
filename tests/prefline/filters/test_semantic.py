"""Prompts that mean the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from prefline.filters.semantic import find_semantic_duplicates

VECTORS = arrays(np.float64, st.tuples(st.integers(0, 12), st.just(3)), elements=st.integers(-2, 2))


@given(VECTORS, st.sampled_from([0.5, 0.9, 1.0]))
def test_what_goes_is_alike_what_stays_and_what_stays_is_not_alike(
    vectors: np.ndarray[tuple[int, int], np.dtype[np.float64]], similarity: float
) -> None:
    gone = find_semantic_duplicates(vectors, similarity)
    kept = [place for place in range(len(vectors)) if place not in gone]

    assert all(earlier in kept and earlier < later for later, earlier in gone.items())
    assert find_semantic_duplicates(vectors[kept], similarity) == {}


def test_length_does_not_matter_and_direction_does() -> None:
    vectors = np.array([[1.0, 0.0], [5.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])

    assert find_semantic_duplicates(vectors, 0.99) == {1: 0}
