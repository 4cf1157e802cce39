"""Fingerprints of texts, by which duplicates are found: normal forms, shingles, MinHash bands.

The fingerprint of a text is made of the text alone, so that shards of texts can be done anywhere
and in any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Protocol

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from prefline.filters.text import normalize, tokens

Codes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Signatures = npt.NDArray[np.uint32]
BandLoader = Callable[[], Codes]
"""Gives the column of a band, shape `(n,)`, when it is asked for."""

_HASH_BYTES = 8
_BATCH = 20_000  # texts whose signatures are made together
_SEED = 1
_RECALL = 0.99  # of pairs exactly at the threshold that must become candidates


class MinHashParams(Protocol):
    """The params of a signature: those of `near_duplicates`."""

    @property
    def threshold(self) -> float:
        """Jaccard index from which two texts are near duplicates."""
        ...

    @property
    def words(self) -> int:
        """Words and signs in a shingle."""
        ...

    @property
    def permutations(self) -> int:
        """Numbers of a signature."""
        ...


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """The fingerprints of `n` texts.

    `forms`, shape `(n,)`, is equal for texts of one normal form. Each of `bands` gives a column,
    shape `(n,)`, that is equal where a band of two signatures is; there are none where near
    duplicates are not looked for.
    """

    forms: Codes
    bands: tuple[BandLoader, ...] = ()

    def at(self, positions: Positions) -> Fingerprints:
        """Return the fingerprints at some positions."""
        return Fingerprints(
            self.forms[positions], tuple(partial(_select, band, positions) for band in self.bands)
        )


def fingerprint_texts(texts: Sequence[str], params: MinHashParams | None) -> Fingerprints:
    """Return the fingerprints of texts: 8 bytes for the normal form (two forms that differ have the
    same with chance 2^-64), and 8 for each band."""
    forms = np.fromiter((_form(text) for text in texts), np.uint64, len(texts))
    if params is None:
        return Fingerprints(forms)
    return Fingerprints(forms, tuple(partial(_itself, band) for band in band_codes(texts, params)))


def concatenate(parts: Sequence[Fingerprints]) -> Fingerprints:
    """Return the fingerprints of all parts, one after the other; there is at least one part."""
    forms = np.concatenate([part.forms for part in parts])
    columns = zip(*(part.bands for part in parts), strict=True)
    return Fingerprints(forms, tuple(partial(_concatenate, column) for column in columns))


def form_duplicates(forms: Codes, n_fixed: int = 0) -> tuple[Positions, Positions]:
    """Return the rising positions of texts that repeat the normal form of an earlier one, and for
    each the first position of its form. The first `n_fixed` texts stay."""
    order = np.argsort(forms, kind="stable")
    ordered = forms[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))[: len(order)]
    lengths = np.diff(starts, append=len(order))
    firsts = np.empty(len(order), np.int64)
    firsts[order] = np.repeat(order[starts], lengths)
    duplicates = np.flatnonzero(firsts != np.arange(len(order)))
    duplicates = duplicates[duplicates >= n_fixed]
    return duplicates, firsts[duplicates]


def lsh_candidates(bands: Sequence[BandLoader]) -> Positions:
    """Return the rising positions of texts that share a band of their signatures with another: only
    these can be near duplicates. One band is in memory at a time."""
    if not bands:
        return np.zeros(0, np.int64)
    first, *others = bands
    mask = _is_shared(first())
    for band in others:
        mask |= _is_shared(band())
    return np.flatnonzero(mask)


def shingles(text: str, size: int) -> frozenset[str]:
    """Return every run of `size` tokens; the whole text where it has no more."""
    text_tokens = tokens(text)
    last = max(1, len(text_tokens) - size + 1)
    return frozenset(" ".join(text_tokens[start : start + size]) for start in range(last))


def shingle_codes(text: str, size: int) -> Codes:
    """Return the shingles as numbers, each once and rising: two that differ are the same with
    chance 2^-64."""
    codes = sorted({xxh3_64_intdigest(shingle.encode()) for shingle in shingles(text, size)})
    return np.array(codes, np.uint64)


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """Return the share of all shingles of both sets that both have."""
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


def signatures(sets: Sequence[frozenset[str]], permutations: int) -> Signatures:
    """Return MinHash signatures, shape `(len(sets), permutations)` (Broder 1997), by rensa.

    The share of equal numbers of two of them estimates the Jaccard index of their sets.
    """
    from rensa import RMinHash

    if not sets:
        return np.zeros((0, permutations), np.uint32)
    ordered = [sorted(shingle_set) for shingle_set in sets]
    matrix = RMinHash.digest_matrix_from_token_sets(ordered, permutations, _SEED)
    return np.array(matrix.to_rows(), np.uint32)


def rows_per_band(threshold: float, permutations: int) -> int:
    """Return how many numbers of a signature make one band.

    As many as leave a pair at the threshold a chance of 99 % to have some band in common,
    1 - (1 - t^rows)^bands (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section
    3.4).
    """
    for rows in range(permutations, 1, -1):
        log_missed = permutations // rows * math.log1p(-min(threshold**rows, 1 - 1e-12))
        if log_missed <= math.log(1 - _RECALL):
            return rows
    return 1


def band_codes(texts: Sequence[str], params: MinHashParams) -> Codes:
    """Return each band of each text's signature as one number: shape `(bands, texts)`."""
    rows = rows_per_band(params.threshold, params.permutations)
    codes = np.empty((params.permutations // rows, len(texts)), np.uint64)
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        sets = [shingles(text, params.words) for text in batch]
        folded = _fold_bands(signatures(sets, params.permutations), rows)
        codes[:, start : start + len(batch)] = folded.T
    return codes


def _fold_bands(matrix: Signatures, rows: int) -> Codes:
    """Return each band of `rows` numbers as one; two bands that differ are the same with chance
    2^-64."""
    bands = matrix.shape[1] // rows
    parts = matrix[:, : bands * rows].reshape(len(matrix), bands, rows).astype(np.uint64)
    codes = np.zeros(parts.shape[:2], np.uint64)
    for row in range(rows):
        codes = (codes ^ parts[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio
        codes ^= codes >> np.uint64(32)
    return codes


def _is_shared(codes: Codes) -> Mask:
    """Return whether another position has the same code."""
    order = np.argsort(codes)
    ordered = codes[order]
    equals_next = ordered[1:] == ordered[:-1]
    mask = np.zeros(len(codes), np.bool_)
    mask[order[1:][equals_next]] = True
    mask[order[:-1][equals_next]] = True
    return mask


def _form(text: str) -> int:
    return int.from_bytes(blake2b(normalize(text).encode(), digest_size=_HASH_BYTES).digest())


def _itself(column: Codes) -> Codes:
    return column


def _select(band: BandLoader, positions: Positions) -> Codes:
    return band()[positions]


def _concatenate(columns: Iterable[BandLoader]) -> Codes:
    return np.concatenate([column() for column in columns])
