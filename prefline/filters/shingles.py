"""Texts as sets of word sequences, and short signatures of those sets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from prefline.filters.text import tokens

Signatures = npt.NDArray[np.uint32]
_SEED = 1
_RECALL = 0.99  # of pairs exactly at the threshold that must become candidates


def shingles(text: str, size: int) -> frozenset[str]:
    """Every run of `size` tokens; the whole text where it has no more."""
    said = tokens(text)
    last = max(1, len(said) - size + 1)
    return frozenset(" ".join(said[start : start + size]) for start in range(last))


def coded(text: str, size: int) -> npt.NDArray[np.uint64]:
    """The shingles as numbers, each once and rising: two that differ are the same with chance
    2^-64."""
    found = sorted({xxh3_64_intdigest(one.encode()) for one in shingles(text, size)})
    return np.array(found, np.uint64)


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of all shingles of both that both have."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def signatures(sets: Sequence[frozenset[str]], permutations: int) -> Signatures:
    """MinHash signatures, shape `(len(sets), permutations)` (Broder 1997), by the package rensa:
    the share of equal numbers of two of them estimates the Jaccard index of their sets."""
    from rensa import RMinHash

    if not sets:
        return np.zeros((0, permutations), np.uint32)
    ordered = [sorted(one) for one in sets]
    found = RMinHash.digest_matrix_from_token_sets(ordered, permutations, _SEED)
    return np.array(found.to_rows(), np.uint32)


def rows_of_a_band(threshold: float, permutations: int) -> int:
    """How many numbers of a signature make one band: as many as leave a pair at the threshold a
    chance of 99 % to have some band in common, 1 - (1 - t^rows)^bands (Leskovec, Rajaraman and
    Ullman, Mining of Massive Datasets, section 3.4)."""
    for rows in range(permutations, 1, -1):
        missed = permutations // rows * math.log1p(-min(threshold**rows, 1 - 1e-12))
        if missed <= math.log(1 - _RECALL):
            return rows
    return 1
