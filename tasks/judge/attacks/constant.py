"""One text for prompts that have nothing to do with each other: a null model's answer.

Such an answer can win against honest ones before many judges (Zheng et al. 2024, arXiv
2410.07137). Near copies count: each response is sketched by the least hashes of its runs of five
words (Broder 1997), so that a text with a number or a few words changed keeps most of its sketch.
The cost is linear in the text but for one sort of the hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest
from zlib import crc32

import numpy as np
import numpy.typing as npt

_RUN = 5  # words
_SKETCH = 8  # hashes kept of each response
LEAST_WORDS = 12  # shorter answers are honestly the same for many prompts
LEAST_PROMPTS = 3  # that share a text before it is suspicious
_SHARED = 5  # of the sketch's hashes
_SHOWN_PROMPTS = 8  # prompts of a group that are compared with each other
_RELATED = 0.34  # share of common words from which prompts have to do with each other

Sketches = npt.NDArray[np.uint64]


def sketch_of(words: list[str]) -> list[int]:
    """The least hashes of a text's runs of words, 8 at most; none for a short text."""
    if len(words) < LEAST_WORDS:
        return []
    codes = [crc32(word.encode(errors="surrogatepass")) for word in words]
    # Sums with odd factors: the order of words counts, and the low 32 bits are well mixed.
    runs = {
        (a * 0x9E3779B1 + b * 0x85EBCA77 + c * 0xC2B2AE3D + d * 0x27D4EB2F + e * 0x165667B1)
        & 0xFFFFFFFFFFFF
        for a, b, c, d, e in zip(*(codes[at:] for at in range(_RUN)), strict=False)
    }
    return nsmallest(_SKETCH, runs)


def packed(sketches: Sequence[Sequence[int]]) -> Sketches:
    """Sketches as one array (responses, 8), 0 where a response has fewer hashes."""
    table = np.zeros((len(sketches), _SKETCH), dtype=np.uint64)
    for row, sketch in zip(table, sketches, strict=True):
        row[: len(sketch)] = sketch
    return table


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
    least = np.where(shared, sketches, np.uint64(2**63)).min(axis=1)
    return np.where(shared.sum(axis=1) >= _SHARED, least, np.uint64(0))


def unrelated(vocabularies: Sequence[frozenset[str]]) -> bool:
    """Whether prompts, by their words, have little to do with each other: the median share of
    common words (Jaccard) over pairs is small. Prompts of one template are related."""
    some = vocabularies[:_SHOWN_PROMPTS]
    shares = [
        len(one & other) / max(1, len(one | other))
        for at, one in enumerate(some)
        for other in some[at + 1 :]
    ]
    return len(some) >= LEAST_PROMPTS and float(np.median(shares)) < _RELATED
