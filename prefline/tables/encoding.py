"""Columns of texts as numbers."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def encode_texts(column: Any) -> Any:
    """Return a column of texts as one dictionary array, texts numbered in the order of appearance.

    A table written in shards has a chunk for each, and to unify the dictionaries of n chunks takes
    time n squared (48 CPU seconds for a million ids in 4,000, 0.1 in one); and all texts together
    may be over the 2 GiB that Arrow's ordinary strings hold.
    """
    whole = one_chunk(column)
    return pc.dictionary_encode(whole)


def one_chunk(column: Any) -> Any:
    """Return a column of texts as one array of large strings, whatever its size."""
    large = pc.cast(column, pa.large_string())
    return large.combine_chunks() if isinstance(large, pa.ChunkedArray) else large
