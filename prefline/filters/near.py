"""Near duplicates: texts that share most of their word sequences.

MinHash and locality-sensitive hashing only find candidates; whether two are near duplicates is then
decided by the Jaccard index of their shingles itself. Texts are gone through in the order of their
ids, and one is rejected if a near duplicate of it was kept before. So what stays depends on the
texts alone, never on how they were read or cut into shards, and holds no near duplicates: filtering
it again changes nothing. In a chain, where a is near b and b near c, c stays unless it is near a
too.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from prefline.filters.fingerprints import (
    BandLoader,
    Codes,
    Positions,
    lsh_candidates,
    shingle_codes,
)
from prefline.filters.near_duplicates import NearDuplicates

Texts = Callable[[Positions], Iterable[str]]
"""Gives the texts at rising positions; the same whenever it is called."""
Numbers = npt.NDArray[np.int32]

_SLOTS = 1 << 24  # 8 bytes each
_RARE = 64  # sets: of fewer a loop is quicker than a call of numpy
_NONE = -1
_ROUNDING = 1e-9  # what a product with a threshold may be off by


def find_near_duplicates(
    bands: Sequence[BandLoader], texts: Texts, params: NearDuplicates, n_fixed: int = 0
) -> tuple[Positions, Positions]:
    """Return the rising positions of near duplicates, and for each that of the nearest text that
    was kept before it; the first `n_fixed` texts stay.

    Of pairs exactly at the threshold 99 % are found, of nearer ones more. Only texts that share a
    band with another are read, twice each. Memory: 25 bytes a text, and 0.5 KB for one that is kept
    of those that are read.
    """
    candidates = lsh_candidates(bands)
    if not len(candidates):
        return candidates, candidates

    def codes() -> Iterator[Codes]:
        return (shingle_codes(text, params.words) for text in texts(candidates))

    kept = _KeptTexts(params.threshold, _count_slots(codes()))
    duplicates, originals = array("q"), array("q")
    for position, text_codes in zip(candidates.tolist(), codes(), strict=True):
        similarity, nearest = kept.nearest(text_codes)
        if similarity >= params.threshold and position >= n_fixed:
            duplicates.append(position)
            originals.append(nearest)
        else:
            kept.add(position, text_codes)
    return np.array(duplicates, np.int64), np.array(originals, np.int64)


class _KeptTexts:
    """The texts that were kept so far, found by their rarest shingles.

    Prefix filtering (Bayardo, Ma and Srikant 2007, WWW, "Scaling up all pairs similarity search"):
    if the Jaccard index of two sets is t or more, then in any one order of all shingles the first
    n - ceil(t n) + 1 of one, n being its size, hold one of the first such of the other. In the
    order from rare to common these are seldom the words of a template that thousands share.
    """

    def __init__(self, threshold: float, counts: Numbers) -> None:
        self._threshold, self._counts = threshold, counts
        self._index = InvertedIndex(counts, threshold)
        self._positions, self._codes = array("q"), list[Codes]()

    def add(self, position: int, codes: Codes) -> None:
        """Add a text that stays."""
        number, size = len(self._positions), len(codes)
        self._positions.append(position)
        self._codes.append(codes)
        for rank, slot in self._prefix(codes):
            self._index.add(slot, number, rank, size)

    def nearest(self, codes: Codes) -> tuple[float, int]:
        """Return the highest Jaccard index with a kept text, if it reaches the threshold, and the
        first position that has it."""
        best, nearest, own = 0.0, -1, frozenset(codes.tolist())
        candidates = set[int]()
        for rank, slot in self._prefix(codes):
            candidates.update(self._index.find(slot, rank, len(codes)))
        for number in sorted(candidates):
            other = self._codes[number]
            shared = len(own.intersection(other.tolist()))
            similarity = shared / (len(own) + len(other) - shared)
            if similarity > best:
                best, nearest = similarity, self._positions[number]
        return best, nearest

    def _prefix(self, codes: Codes) -> Iterator[tuple[int, int]]:
        """Return rank and slot of the first shingles in the order from rare to common, without
        those that no other text has."""
        slots = _slots(codes)
        count = self._counts[slots]
        order = np.lexsort((codes, count))[: _prefix_length(len(codes), self._threshold)]
        shared = np.flatnonzero(count[order] > 1)
        return zip(shared.tolist(), slots[order[shared]].tolist(), strict=True)


class InvertedIndex:
    """Sets by the slots of their first items, for slots that few sets have and for common ones.

    Of a common slot the rank of the item in each set is kept too, so that most of these sets can be
    told to have too little in common (positional filtering: Xiao, Wang, Lin and Yu 2008, WWW,
    "Efficient similarity joins for near duplicate detection").

    `counts`, shape `(slots,)`, says how many sets may come to have an item of a slot. Memory: 4
    bytes a slot, 8 for each set under a rare one, 24 under a common one.
    """

    def __init__(self, counts: Numbers, threshold: float) -> None:
        self._counts, self._share = counts, threshold / (1 + threshold)
        # Chains for rare slots: the last entry of each, and the one before each entry.
        self._last = np.full(len(counts), _NONE, np.int32)
        self._previous, self._numbers = array("i"), array("i")
        self._common = defaultdict[int, _GrowingRows](_GrowingRows)

    def add(self, slot: int, number: int, rank: int, size: int) -> None:
        """Note that the set `number` of `size` items has an item of that slot at `rank`."""
        if self._counts[slot] > _RARE:
            self._common[slot].append(number, rank, size)
            return
        self._previous.append(int(self._last[slot]))
        self._last[slot] = len(self._numbers)
        self._numbers.append(number)

    def find(self, slot: int, rank: int, size: int) -> Iterator[int]:
        """Return the sets of a slot that may reach the threshold with a set of `size` items that
        has it at `rank`, if neither has an earlier item in common with the other."""
        if self._counts[slot] > _RARE:
            yield from self._find_common(self._common[slot].rows, rank, size)
            return
        entry = int(self._last[slot])
        while entry != _NONE:
            yield self._numbers[entry]
            entry = self._previous[entry]

    def _find_common(self, rows: Numbers, rank: int, size: int) -> list[int]:
        numbers, ranks, sizes = rows.T
        most_shared = np.minimum(size - rank, sizes - ranks)  # this item included
        needed = np.ceil(self._share * (size + sizes) - _ROUNDING)
        candidates: list[int] = numbers[most_shared >= needed].tolist()
        return candidates


class _GrowingRows:
    """Rows of three numbers; the space doubles as they come."""

    def __init__(self) -> None:
        self._rows, self._count = np.empty((_RARE, 3), np.int32), 0

    def append(self, *row: int) -> None:
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self._count] = row
        self._count += 1

    @property
    def rows(self) -> Numbers:
        return self._rows[: self._count]


def _prefix_length(size: int, threshold: float) -> int:
    return size - math.ceil(threshold * size - _ROUNDING) + 1


def _slots(codes: Codes) -> Positions:
    return (codes % np.uint64(_SLOTS)).astype(np.int64)


def _count_slots(codes_of_texts: Iterable[Codes]) -> Numbers:
    """Return how many texts have a shingle of each slot, or more: two shingles may share one."""
    counts = np.zeros(_SLOTS, np.int32)
    for codes in codes_of_texts:
        np.add.at(counts, _slots(codes), 1)
    return counts
