"""What the tables say, counted in Arrow and numpy: no table becomes Python rows here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.tables.calls import count_calls_by

Json = dict[str, Any]

VERIFIER = "verifier"
_STEPS = 20  # of the histogram, per unit of probability
_TURNED = {"first": "second", "second": "first"}


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
    is_gold = pc.equal(judgments["method"], pa.scalar(VERIFIER))
    gold, said = judgments.filter(is_gold), judgments.filter(pc.invert(is_gold))
    where = pc.index_in(_pair_key(said), value_set=_pair_key(gold))
    said, where = said.filter(pc.is_valid(where)), pc.drop_null(where)
    right = gold.take(where)
    same_order = pc.equal(right["first_id"], said["first_id"])
    verdict = pc.if_else(same_order, right["verdict"], _turned(right["verdict"]))
    both = pa.table({"judge": said["judge"], "verifier": verdict, "said": said["verdict"]})
    return count_rows(both, "judge", "verifier", "said")


def _pair_key(rows: pa.Table) -> Any:
    first, second = rows["first_id"], rows["second_id"]
    lower, upper = pc.min_element_wise(first, second), pc.max_element_wise(first, second)
    return pc.binary_join_element_wise(lower, upper, " ")


def _turned(verdicts: Any) -> Any:
    turned = verdicts
    for verdict, other in _TURNED.items():
        turned = pc.if_else(pc.equal(verdicts, pa.scalar(verdict)), other, turned)
    return turned


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
