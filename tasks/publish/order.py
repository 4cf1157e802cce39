"""The order of published rows, decided from the columns that it rests on alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.errors import TableError

Numbers = npt.NDArray[np.int64]

_KEYS = ("split", "source", "category", "pair_id")
_FEW_VALUES = [
    "split", "source", "category", "chosen_model", "rejected_model", "label_source", "judges",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """The rows of a table as they will be published: by split, source, category and pair.

    `rank[i]` is the place of the i-th row of the table; `rows` holds the columns that were
    asked for, in the published order.
    """

    rank: Numbers
    rows: pa.Table

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rank)


def read_order(parts: Sequence[Path], columns: Sequence[str] = ()) -> Order:
    """Decide the order of a table's rows, reading no text; `columns` are kept beside the keys.

    Raises `TableError` if a pair is there twice, so that no order is the right one.
    """
    wanted = list(dict.fromkeys([*_KEYS, *columns]))
    rows = pa.concat_tables([_read(part, wanted) for part in parts]).unify_dictionaries()
    places = np.array(pc.sort_indices(_sortable(rows), [(n, "ascending") for n in _KEYS]))
    rank = np.empty(len(places), np.int64)
    rank[places] = np.arange(len(places))
    order = Order(rank, rows.take(places).combine_chunks())
    _refuse_twice(order.rows["pair_id"])
    return order


def _read(part: Path, columns: list[str]) -> pa.Table:
    return pq.ParquetFile(part, read_dictionary=_FEW_VALUES).read(columns=columns)


def _sortable(rows: pa.Table) -> pa.Table:
    """The keys, each dictionary as the places of its values, which sort as the values do."""
    return pa.table({name: _places(rows[name].combine_chunks()) for name in _KEYS})


def _places(values: Any) -> Any:
    if not pa.types.is_dictionary(values.type):
        return values
    order = pc.sort_indices(values.dictionary)
    place = np.empty(len(order), np.int64)
    place[np.array(order)] = np.arange(len(order))
    return pa.array(place).take(values.indices)


def _refuse_twice(pairs: Any) -> None:
    if pc.count_distinct(pairs).as_py() < len(pairs):
        twice = next(pair for pair, n in Counter(pairs.to_pylist()).items() if n > 1)
        raise TableError(
            f"data/preferences holds the pair {twice} twice",
            "make the table again with `dvc repro pair`",
        )
