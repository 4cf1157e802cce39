"""One text for prompts that have nothing to do with each other: a null model's answer.

Such an answer can win against honest ones before many judges (Zheng et al. 2024, arXiv
2410.07137). Near copies count: each response is sketched by the least hashes of its runs of five
words (Broder 1997), so that a text with a number or a few words changed keeps most of its sketch.
The cost is linear in the text but for one sort of the hashes.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt

_RUN = 5  # words
_SKETCH = 8  # hashes kept of each response
NO_SKETCH = [0] * _SKETCH
LEAST_WORDS = 12  # shorter answers are honestly the same for many prompts
LEAST_PROMPTS = 3  # that share a text before it is suspicious
_SHARED = 5  # of the sketch's hashes
MOST_COMPARED = 8  # prompts of a group that are compared with each other
_RELATED = 0.34  # share of common words from which prompts have to do with each other
_FACTORS = np.array(
    [
        0x9E3779B97F4A7C15,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x27D4EB2F165667C5,
        0x85EBCA77C2B2AE63,
    ],
    dtype=np.uint64,
)

Sketches = npt.NDArray[np.uint64]


def sketch_of(words: list[str]) -> list[int]:
    """The 8 least hashes of a text's runs of words; 0 for those that a short text lacks."""
    if len(words) < LEAST_WORDS:
        return NO_SKETCH
    codes = np.fromiter(map(crc32, " ".join(words).encode().split()), np.uint64)
    # Sums with odd factors, modulo 2^64: the order of words counts.
    runs = np.zeros(len(codes) - _RUN + 1, dtype=np.uint64)
    for at, factor in enumerate(_FACTORS):
        runs += codes[at : at + len(runs)] * factor
    runs ^= runs >> np.uint64(29)
    runs *= _FACTORS[0]
    least: list[int] = np.unique(runs)[:_SKETCH].tolist()
    return least + [0] * (_SKETCH - len(least))


def packed(sketches: array[int]) -> Sketches:
    """Sketches that lie one behind the other as one array (responses, 8)."""
    return np.frombuffer(sketches, dtype=np.uint64).reshape(-1, _SKETCH)


def repeated(sketches: Sketches, prompts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """For each response the hash by which its group goes: the least hash of its sketch that stands
    in responses to `LEAST_PROMPTS` prompts or more; 0 where fewer than 5 of its hashes do.

    `sketches` is (n, 8), `prompts` (n,) numbers each response's prompt.
    """
    rows, columns = np.nonzero(sketches)
    hashes = sketches[rows, columns]
    order = np.lexsort((prompts[rows], hashes))
    hashes, asked = hashes[order], prompts[rows][order]
    fresh = np.ones(len(hashes), dtype=bool)
    fresh[1:] = (hashes[1:] != hashes[:-1]) | (asked[1:] != asked[:-1])
    values, counts = np.unique(hashes[fresh], return_counts=True)
    common = values[counts >= LEAST_PROMPTS]
    shared = np.isin(sketches, common) & (sketches > 0)
    least = np.where(shared, sketches, np.uint64(2**64 - 1)).min(axis=1)
    return np.where(shared.sum(axis=1) >= _SHARED, least, np.uint64(0))


def unrelated(vocabularies: Sequence[frozenset[str]]) -> bool:
    """Whether prompts, by their words, have little to do with each other: the median share of
    common words (Jaccard) over pairs is small. Prompts of one template are related."""
    some = vocabularies[:MOST_COMPARED]
    shares = [
        len(one & other) / max(1, len(one | other))
        for at, one in enumerate(some)
        for other in some[at + 1 :]
    ]
    return len(some) >= LEAST_PROMPTS and float(np.median(shares)) < _RELATED
