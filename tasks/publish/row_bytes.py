"""How large rows are: what files and row groups are cut by."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Sizes = npt.NDArray[np.int64]

_FLAT = 8  # bytes of a number, and of an offset


def row_bytes(table: pa.Table) -> Sizes:
    """Bytes of each row, uncompressed: its texts in UTF-8, and 8 for each number, text and list."""
    total = np.zeros(table.num_rows, np.int64)
    for column in table.columns:
        sizes = [_sizes(chunk) for chunk in column.chunks]
        total += np.concatenate(sizes) if sizes else 0
    return total


def _sizes(values: Any) -> Sizes:
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _numbers(pc.binary_length(values)) + _FLAT
    if pa.types.is_list(kind):
        return _of_lists(values)
    if pa.types.is_struct(kind):
        return sum((_sizes(one) for one in values.flatten()), np.zeros(len(values), np.int64))
    return np.full(len(values), _FLAT, np.int64)


def _of_lists(values: Any) -> Sizes:
    inner = np.concatenate([[0], np.cumsum(_sizes(values.flatten()))])
    lengths = _numbers(pc.list_value_length(values))
    ends = np.cumsum(lengths)
    sizes: Sizes = inner[ends] - inner[ends - lengths] + _FLAT
    return sizes


def _numbers(lengths: Any) -> Sizes:
    """Lengths as numbers; that of null is 0."""
    found: Sizes = pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return found
