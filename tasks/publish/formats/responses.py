"""The responses that occur in pairs: which pair each occurs in first, and on which side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.publish.order import Order

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Responses:
    """Every response of the preferences by a number of its own, rising with its id.

    `sides` has the shape (pairs, 2): the numbers of chosen and rejected, pairs in their published
    order. The others have one entry for each response: its id, how often it is chosen and
    rejected, and `first`, the place of its first occurrence in `sides.ravel()`.
    """

    ids: Any
    sides: Numbers
    chosen: Numbers
    rejected: Numbers
    first: Numbers

    @property
    def both(self) -> Flags:
        """Chosen in one pair and rejected in another."""
        return (self.chosen > 0) & (self.rejected > 0)


def responses_of(order: Order) -> Responses:
    """The responses of all pairs."""
    ids = pa.concat_arrays(
        [order.rows[name].combine_chunks() for name in ("chosen_id", "rejected_id")]
    ).dictionary_encode()
    by_id = np.array(pc.sort_indices(ids.dictionary))
    number = np.empty(len(by_id), np.int64)
    number[by_id] = np.arange(len(by_id))
    sides = number[np.array(ids.indices)].reshape(2, -1).T
    count = len(by_id)
    _, first = np.unique(sides.ravel(), return_index=True)
    return Responses(
        ids=ids.dictionary.take(by_id),
        sides=sides,
        chosen=np.bincount(sides[:, 0], minlength=count),
        rejected=np.bincount(sides[:, 1], minlength=count),
        first=first,
    )
