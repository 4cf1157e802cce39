"""Near duplicates: texts that share most of their word sequences.

MinHash and locality-sensitive hashing only find candidates; whether two are near duplicates is then
decided by the Jaccard index of their shingles itself. Texts are gone through in the order in which
they are given, by their ids, and one goes if a near duplicate of it was kept before it. So what
stays depends on the texts alone, never on how they were read or cut into shards, and what stays
holds no near duplicates: doing it again changes nothing. In a chain, where a is near b and
b near c, c stays unless it is near a too.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from prefline.filters.buckets import Buckets, buckets_of
from prefline.filters.marks import Column, Places
from prefline.filters.shingles import coded
from prefline.params import NearDuplicates

Texts = Callable[[Places], Iterable[str]]
"""Gives the texts at some places, which rise."""


def near_duplicates(
    bands: Sequence[Column], texts: Texts, rule: NearDuplicates, standing: int = 0
) -> tuple[Places, Places]:
    """Of texts by the bands of their marks: the places of those that go, rising, and for each that
    of the text kept before it that it is nearest to; the first `standing` texts stay.

    Of pairs exactly at the threshold 99 % are found, of nearer ones more. Only texts that share a
    band with another are read, once each. Memory: 40 bytes a text for the band that is looked at,
    16 for each band that a text shares, and its shingles, 8 bytes each, where it stays.
    """
    company = buckets_of(bands)
    kept = _Kept(company)
    gone, before = array("q"), array("q")
    said = iter(texts(company.places))
    for place, mine in company:
        codes = coded(next(said), rule.words)
        likeness, nearest = kept.nearest(mine, codes)
        if likeness >= rule.threshold and place >= standing:
            gone.append(place)
            before.append(nearest)
        else:
            kept.keep(place, mine, codes)
    return np.array(gone, np.int64), np.array(before, np.int64)


class _Kept:
    """What was kept so far of the texts in each bucket."""

    def __init__(self, buckets: Buckets) -> None:
        self._begins = buckets.begins
        self._members = np.empty(buckets.begins[-1], np.int32)
        self._count = np.zeros(len(buckets.begins) - 1, np.int32)
        self._codes: dict[int, npt.NDArray[np.uint64]] = {}

    def keep(self, place: int, buckets: npt.NDArray[np.int64], codes: frozenset[int]) -> None:
        self._members[self._begins[buckets] + self._count[buckets]] = place
        self._count[buckets] += 1
        self._codes[place] = np.fromiter(codes, np.uint64, len(codes))

    def nearest(self, buckets: npt.NDArray[np.int64], codes: frozenset[int]) -> tuple[float, int]:
        """The highest Jaccard index with what is in the buckets, and the first place that has it;
        0 if nothing is."""
        best, at = 0.0, -1
        for place in sorted({*self._in(buckets)}):
            held = self._codes[place]
            shared = len(codes.intersection(held.tolist()))
            likeness = shared / (len(codes) + len(held) - shared)
            if likeness > best:
                best, at = likeness, place
        return best, at

    def _in(self, buckets: npt.NDArray[np.int64]) -> Iterator[int]:
        filled = buckets[self._count[buckets] > 0]
        ends = self._begins[filled] + self._count[filled]
        for begin, end in zip(self._begins[filled].tolist(), ends.tolist(), strict=True):
            yield from self._members[begin:end].tolist()
