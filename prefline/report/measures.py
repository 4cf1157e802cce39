"""Count what the tables say in Arrow and numpy: no table becomes Python rows here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from prefline.stats.bootstrap import ratio
from prefline.tables import PREFERENCES
from prefline.tables.costs import costs_of
from prefline.tables.encoding import encode_texts
from prefline.tables.gold import VERIFIER, verified_verdicts
from prefline.tables.joining import Rows

Json = dict[str, Any]

_STEPS = 20  # of the histogram, per unit of probability


_QUARTERS = (0.25, 0.5, 0.75)
# Resampling blocks of prompts is as sound as resampling prompts, and its memory is bounded.
_MOST_GROUPS = 2_000


def count_rows(table: pa.Table, *columns: str) -> list[Json]:
    """Return how many rows have each combination of the columns' values, sorted by these values."""
    counted = table.group_by(list(columns)).aggregate([([], "count_all")])
    rows = counted.sort_by([(column, "ascending") for column in columns]).to_pylist()
    return [{**{c: row[c] for c in columns}, "rows": row["count_all"]} for row in rows]


def histogram(preferences: pa.Table) -> list[Json]:
    """Preferences by probability, in steps of 0.05, and by what their label rests on."""
    p = preferences["p_chosen"].to_numpy()
    step = np.clip(np.floor(p * _STEPS + 1e-9), 0, _STEPS - 1).astype(np.int64)
    binned = pa.table({"step": step, "label_source": preferences["label_source"]})
    return [
        {"low": row["step"] / _STEPS, "high": (row["step"] + 1) / _STEPS,
         "label_source": row["label_source"], "rows": row["rows"]}
        for row in count_rows(binned, "step", "label_source")
    ]  # fmt: skip


def confusion(judgments: pa.Table) -> list[Json]:
    """Return how often each model judge said what where the verifier said what, of the same two
    answers in the order in which the judge saw them."""
    said = judgments.filter(pc.not_equal(judgments["method"], pa.scalar(VERIFIER)))
    verdicts = verified_verdicts(judgments, said)
    both = pa.table({"judge": said["judge"], "verifier": verdicts, "said": said["verdict"]})
    return count_rows(both.filter(pc.is_valid(verdicts)), "judge", "verifier", "said")


def costs(stage: str, by: str, rows: Rows) -> list[Json]:
    """Return calls, tokens and cost of a stage's rows, by its model or judge. What was called
    elsewhere and imported is no cost of this pipeline."""
    by_name = costs_of(rows, by).by_name
    return [
        {"stage": stage, "by": name, **cost, "cost_usd": float(cost["cost_usd"])}
        for name, cost in by_name.items()
        if cost["calls"]
    ]


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
    codes = encode_texts(differences["prompt_id"]).indices.to_numpy()
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
