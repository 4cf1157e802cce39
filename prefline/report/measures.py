"""What the tables say, counted in Arrow and numpy: no table becomes Python rows here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables.calls import count_calls_by
from prefline.tables.gold import VERIFIER, verified_verdicts

Json = dict[str, Any]

_STEPS = 20  # of the histogram, per unit of probability


def count_rows(table: pa.Table, *columns: str) -> list[Json]:
    """How many rows have each combination of the columns' values, sorted by these values."""
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
    """How often each model judge said what where the verifier said what, of the same two
    answers in the order in which the judge saw them."""
    said = judgments.filter(pc.not_equal(judgments["method"], pa.scalar(VERIFIER)))
    verdicts = verified_verdicts(judgments, said)
    both = pa.table({"judge": said["judge"], "verifier": verdicts, "said": said["verdict"]})
    return count_rows(both.filter(pc.is_valid(verdicts)), "judge", "verifier", "said")


def costs(stage: str, by: str, table: pa.Table) -> list[Json]:
    """Calls, tokens and cost of a stage's rows, by its model or judge. What was called elsewhere
    and imported is no cost of this line."""
    called = table.filter(pc.is_valid(table["request_key"]))
    calls = count_calls_by(called, by)
    sums = called.group_by(by).aggregate(
        [("input_tokens", "sum"), ("output_tokens", "sum"), ("cost_usd", "sum")]
    )
    return [
        {
            "stage": stage,
            "by": row[by],
            "calls": calls[row[by]],
            "input_tokens": row["input_tokens_sum"] or 0,
            "output_tokens": row["output_tokens_sum"] or 0,
            "cost_usd": float(row["cost_usd_sum"] or 0.0),
        }
        for row in sums.sort_by(by).to_pylist()
    ]
