"""Near duplicates: texts that share most of their word sequences.

MinHash and locality-sensitive hashing only find those that may have one; whether two are near
duplicates is then decided by the Jaccard index of their shingles itself. Texts are gone through in
the order in which they are given, by their ids, and one goes if a near duplicate of it was kept
before it. So what stays depends on the texts alone, never on how they were read or cut into shards,
and what stays holds no near duplicates: doing it again changes nothing. In a chain, where a is near
b and b near c, c stays unless it is near a too.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from prefline.config import NearDuplicates
from prefline.filters.company import in_company
from prefline.filters.marks import Codes, Column, Places
from prefline.filters.postings import ROUNDING, Postings
from prefline.filters.shingles import coded

Texts = Callable[[Places], Iterable[str]]
"""Gives the texts at some places, which rise; the same whenever it is called."""

_SLOTS = 1 << 24  # 8 bytes each


def near_duplicates(
    bands: Sequence[Column], texts: Texts, rule: NearDuplicates, standing: int = 0
) -> tuple[Places, Places]:
    """Of texts by the bands of their marks: the places of those that go, rising, and for each that
    of the text kept before it that it is nearest to; the first `standing` texts stay.

    Of pairs exactly at the threshold 99 % are found, of nearer ones more. Only texts that share a
    band with another are read, twice each. Memory: 25 bytes a text, and 0.5 KB for one that is kept
    of those that are read.
    """
    places = in_company(bands)

    def codes() -> Iterator[Codes]:
        return (coded(text, rule.words) for text in texts(places))

    kept = _Kept(rule.threshold, _counts(codes()))
    gone, before = array("q"), array("q")
    for place, mine in zip(places.tolist(), codes(), strict=True):
        likeness, nearest = kept.nearest(mine)
        if likeness >= rule.threshold and place >= standing:
            gone.append(place)
            before.append(nearest)
        else:
            kept.keep(place, mine)
    return np.array(gone, np.int64), np.array(before, np.int64)


class _Kept:
    """Texts that were kept so far, found by their rarest shingles.

    Prefix filtering (Bayardo, Ma and Srikant 2007, WWW, "Scaling up all pairs similarity search"):
    if the Jaccard index of two sets is t or more, then in any one order of all shingles the first
    n - ceil(t n) + 1 of one, n being its size, hold one of the first such of the other. In the
    order from rare to common these are seldom the words of a template that thousands share.
    """

    def __init__(self, threshold: float, counts: npt.NDArray[np.int32]) -> None:
        self._threshold, self._counts = threshold, counts
        self._postings = Postings(counts, threshold)
        self._places, self._codes = array("q"), list[Codes]()

    def keep(self, place: int, codes: Codes) -> None:
        """Note that a text stays."""
        number, size = len(self._places), len(codes)
        self._places.append(place)
        self._codes.append(codes)
        for at, slot in self._first(codes):
            self._postings.add(slot, number, at, size)

    def nearest(self, codes: Codes) -> tuple[float, int]:
        """The highest Jaccard index with a kept text, if it reaches the threshold, and the first
        place that has it."""
        best, nearest, mine = 0.0, -1, frozenset(codes.tolist())
        found = set[int]()
        for at, slot in self._first(codes):
            found.update(self._postings.of(slot, at, len(codes)))
        for number in sorted(found):
            held = self._codes[number]
            shared = len(mine.intersection(held.tolist()))
            likeness = shared / (len(mine) + len(held) - shared)
            if likeness > best:
                best, nearest = likeness, self._places[number]
        return best, nearest

    def _first(self, codes: Codes) -> Iterator[tuple[int, int]]:
        """The first shingles in the order from rare to common: place in that order, and slot. Those
        that no other text has are left out."""
        slots = _slots(codes)
        count = self._counts[slots]
        order = np.lexsort((codes, count))[: _prefix(len(codes), self._threshold)]
        shared = np.flatnonzero(count[order] > 1)
        return zip(shared.tolist(), slots[order[shared]].tolist(), strict=True)


def _prefix(size: int, threshold: float) -> int:
    return size - math.ceil(threshold * size - ROUNDING) + 1


def _slots(codes: Codes) -> Places:
    return (codes % np.uint64(_SLOTS)).astype(np.int64)


def _counts(every: Iterable[Codes]) -> npt.NDArray[np.int32]:
    """How many texts have a shingle of each slot, or more: two shingles may share one."""
    counts = np.zeros(_SLOTS, np.int32)
    for codes in every:
        np.add.at(counts, _slots(codes), 1)
    return counts
