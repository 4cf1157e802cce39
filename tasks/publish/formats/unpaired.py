"""Formats with one row for each response: `kto` and `sft`.

`kto` is what KTO trains on (Ethayarajh et al. 2024, arXiv 2402.01306): an answer and whether it
is desirable. A response that is chosen in one pair and rejected in another is neither, and is
left out. `sft` holds the answers to imitate: those that are chosen in some pair and rejected in
none. Each response is there once, with the first of its pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from prefline.tables import FORMATS
from tasks.publish.formats.responses import Flags, Numbers, responses_of
from tasks.publish.order import Order

_SIDES = ("chosen", "rejected")
_SHARED = ("prompt", "prompt_id", "pair_id", "split", "category", "source")


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
