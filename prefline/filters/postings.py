"""Which sets have an item among their first: found quickly for rare items and for common ones."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int32]

_RARE = 64  # sets: of fewer a loop is quicker than a call of numpy
_NONE = -1


class Postings:
    """Of sets that are added one after the other, by the slots of their first items: numbers of
    sets, and for what is common the place of the item in the set, so that most of these can be
    told to have too little in common (positional filtering: Xiao, Wang, Lin and Yu 2008, WWW,
    "Efficient similarity joins for near duplicate detection").

    `counts`, shape `(slots,)`, says how many sets may come to have an item of a slot. Memory: 4
    bytes a slot, 8 for each set under a rare one, 24 under a common one.
    """

    def __init__(self, counts: Counts, threshold: float) -> None:
        self._counts, self._share = counts, threshold / (1 + threshold)
        # Chains for rare slots: the last entry of each, and the one before each entry.
        self._last = np.full(len(counts), _NONE, np.int32)
        self._earlier, self._numbers = array("i"), array("i")
        self._common = defaultdict[int, _Growing](_Growing)

    def add(self, slot: int, number: int, place: int, size: int) -> None:
        """The set `number` of `size` items has an item of that slot at `place` in its order."""
        if self._counts[slot] > _RARE:
            self._common[slot].append(number, place, size)
            return
        self._earlier.append(int(self._last[slot]))
        self._last[slot] = len(self._numbers)
        self._numbers.append(number)

    def of(self, slot: int, place: int, size: int) -> Iterator[int]:
        """The sets of a slot that may be as near as the threshold to one of `size` items that has
        it at `place`, if neither has an earlier item in common with the other."""
        if self._counts[slot] > _RARE:
            yield from self._near(self._common[slot].rows, place, size)
            return
        entry = int(self._last[slot])
        while entry != _NONE:
            yield self._numbers[entry]
            entry = self._earlier[entry]

    def _near(self, rows: Numbers, place: int, size: int) -> list[int]:
        numbers, places, sizes = rows.T
        most = np.minimum(size - place, sizes - places)  # they can share, this item included
        found: list[int] = numbers[
            most >= np.ceil(self._share * (size + sizes) - ROUNDING)
        ].tolist()
        return found


class _Growing:
    """Rows of three numbers, doubled as they come."""

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


ROUNDING = 1e-9
"""What a product with a threshold may be off by."""
