"""Which texts share a band of their signatures: most share none, and cost nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from prefline.filters.marks import Codes, Column, Places

_BITS = np.uint64(32)  # of a bucket's number; so many of a place are left
_LOW = np.uint64(0xFFFFFFFF)


class Buckets:
    """The places that share a band with another, each with the buckets that it is in: a bucket is
    what all texts with the same code in the same band fall into. `places` rise; bucket `b` has room
    for its members from `begins[b]` to `begins[b + 1]`."""

    def __init__(self, packed: Codes) -> None:
        at, self._buckets = packed >> _BITS, (packed & _LOW).astype(np.int32)
        first = np.flatnonzero(np.concatenate([[True], at[1:] != at[:-1]]))[: len(at)]
        self.places: Places = at[first].astype(np.int64)
        self._ends = first + np.diff(first, append=len(at))
        self.begins: Places = np.concatenate([[0], np.cumsum(np.bincount(self._buckets))])

    def __iter__(self) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """Each place and its buckets."""
        begin = 0
        for place, end in zip(self.places.tolist(), self._ends.tolist(), strict=True):
            yield place, self._buckets[begin:end].astype(np.int64)
            begin = end


def buckets_of(bands: Sequence[Column]) -> Buckets:
    """The buckets of texts by their bands, one band in memory at a time."""
    found, count = [np.zeros(0, np.uint64)], 0
    for band in bands:
        places, groups = _shared(band())
        # Place and bucket as one number, which sorts in place.
        found.append((places.astype(np.uint64) << _BITS) | (groups + count).astype(np.uint64))
        count += int(groups.max(initial=-1)) + 1
    packed = np.concatenate(found)
    found.clear()
    packed.sort()
    return Buckets(packed)


def _shared(codes: Codes) -> tuple[Places, Places]:
    """The places whose code another place has too, and the number of each one's group."""
    order = np.argsort(codes)
    ordered = codes[order]
    is_first = np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(codes)]
    group = np.cumsum(is_first) - 1
    has_several = np.diff(np.flatnonzero(is_first), append=len(codes)) > 1
    number = np.cumsum(has_several) - 1
    shared = has_several[group]
    return order[shared], number[group[shared]]
