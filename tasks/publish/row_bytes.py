"""How large rows are: what files and row groups are cut by."""

from __future__ import annotations

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


def _sizes(values: pa.Array) -> Sizes:
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        lengths = pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
        return lengths.astype(np.int64) + _FLAT
    if pa.types.is_list(kind):
        return _of_lists(values)
    if pa.types.is_struct(kind):
        return np.sum([_sizes(one) for one in values.flatten()], axis=0, dtype=np.int64)
    return np.full(len(values), _FLAT, np.int64)


def _of_lists(values: pa.ListArray) -> Sizes:
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    inner = np.concatenate([[0], np.cumsum(_sizes(values.flatten()))])
    ends = np.cumsum(lengths.astype(np.int64))
    return inner[ends] - inner[ends - lengths] + _FLAT
