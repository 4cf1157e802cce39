"""Whether the longer answer wins: text is measured batch by batch, in Arrow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from prefline.stats.bootstrap import ratio
from prefline.tables import PREFERENCES

Json = dict[str, Any]

_QUARTERS = (0.25, 0.5, 0.75)
# Resampling blocks of prompts is as sound as resampling prompts, and its memory is bounded.
_MOST_GROUPS = 2_000


def length_differences(preferences: Iterable[pa.RecordBatch]) -> pa.Table:
    """By how many characters chosen is longer than rejected, with the prompt of each."""
    schema = pa.schema([PREFERENCES.field("prompt_id"), pa.field("longer_by", pa.int64())])
    parts = [
        pa.record_batch([batch["prompt_id"], pa.array(_longer_by(batch))], schema=schema)
        for batch in preferences
    ]
    return pa.Table.from_batches(parts, schema=schema)


def _longer_by(batch: pa.RecordBatch) -> NDArray[np.int64]:
    return _characters(batch["chosen"]) - _characters(batch["rejected"])


def _characters(messages: pa.Array[Any]) -> NDArray[np.int64]:
    sizes = pc.utf8_length(pc.struct_field(pc.list_flatten(messages), "content")).fill_null(0)
    rows = pc.list_parent_indices(messages).to_numpy(zero_copy_only=False)
    counts = np.bincount(
        rows, weights=sizes.to_numpy(zero_copy_only=False), minlength=len(messages)
    )
    return counts.astype(np.int64)


def length_bias(differences: pa.Table) -> list[Json]:
    """Share of preferences whose chosen answer is the longer one: of all (the first entry),
    then by quarter of the difference. Pairs of equal length say nothing and are left out."""
    differences = differences.filter(pc.not_equal(differences["longer_by"], pa.scalar(0)))
    if not differences.num_rows:
        return []
    longer_by = differences["longer_by"].to_numpy()
    codes = differences["prompt_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    prompts = codes % _MOST_GROUPS
    size = np.abs(longer_by)
    # Quarters of the sizes that occur, so that equal differences stay together.
    edges = np.unique(np.quantile(size, _QUARTERS, method="lower"))
    quarter = np.searchsorted(edges, size, side="left")
    groups = [np.ones(len(size), dtype=bool), *(quarter == q for q in np.unique(quarter))]
    return [
        {"from": int(size[mask].min()), "to": int(size[mask].max())}
        | ratio(longer_by[mask] > 0, np.ones(mask.sum()), prompts[mask]).as_dict()
        for mask in groups
    ]
