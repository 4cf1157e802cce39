"""Formats with one row for each response: `kto` and `sft`.

`kto` is what KTO trains on (Ethayarajh et al. 2024, arXiv 2402.01306): an answer and whether it
is desirable. A response that is chosen in one pair and rejected in another is neither, and is
left out. `sft` holds the answers to imitate: those that are chosen in some pair and rejected in
none. Each response is there once, with the first of its pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables import FORMATS
from tasks.publish.sorting import Order

_SIDES = ("chosen", "rejected")
_SHARED = ("prompt", "prompt_id", "pair_id", "split", "category", "source")


Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Unpaired:
    """A `Projection` to single responses. `kept` and `n_pairs` have the shape (pairs, 2), for
    chosen and rejected: whether that occurrence of a response gives a row, and in how many
    pairs the response is."""

    def __init__(
        self, name: str, kept: Flags, n_pairs: Numbers, left_out: Mapping[str, int]
    ) -> None:
        self.name = name
        self.left_out = left_out
        self._kept, self._n_pairs = kept, n_pairs

    def of(self, preferences: pa.Table, start: int) -> pa.Table:
        """The responses whose first pair is among these, chosen before rejected."""
        here = slice(start, start + preferences.num_rows)
        kept, n_pairs = self._kept[here], self._n_pairs[here]
        sides = [
            self._side(preferences, side, np.flatnonzero(kept[:, number]), n_pairs[:, number])
            for number, side in enumerate(_SIDES)
        ]
        # Both sides of a pair beside each other, as the pairs are sorted.
        places = np.concatenate([np.flatnonzero(kept[:, n]) * 2 + n for n in range(len(_SIDES))])
        both = pa.concat_tables(sides).combine_chunks()
        return both.take(np.argsort(places, kind="stable"))

    def rest(self) -> Iterator[pa.Table]:
        """Nothing."""
        return iter(())

    def _side(self, rows: pa.Table, side: str, places: Numbers, n_pairs: Numbers) -> pa.Table:
        rows = rows.take(places)
        columns = {name: rows[name] for name in _SHARED} | {
            "completion": rows[side],
            "label": pa.array(np.full(len(places), side == "chosen")),
            "response_id": rows[f"{side}_id"],
            "model": rows[f"{side}_model"],
            "n_pairs": pa.array(n_pairs[places].astype(np.int32)),
        }
        schema = FORMATS[self.name]
        return pa.table({name: columns[name] for name in schema.names})


def projection(name: str, order: Order) -> Unpaired:
    """`kto` or `sft` of these preferences."""
    found = responses_of(order)
    wanted = ~found.both if name == "kto" else (found.chosen > 0) & (found.rejected == 0)
    left_out = {"chosen_and_rejected": int(np.count_nonzero(found.both))}
    if name == "sft":
        left_out["rejected"] = int(np.count_nonzero(found.chosen == 0))
    kept = np.zeros(found.sides.size, np.bool_)
    kept[found.first[wanted]] = True
    n_pairs = (found.chosen + found.rejected)[found.sides]
    return Unpaired(name, kept.reshape(-1, 2), n_pairs, left_out)


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
