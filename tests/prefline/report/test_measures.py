"""Counting in Arrow says the same as counting by hand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from prefline.report.measures import confusion, costs, count_rows, histogram
from prefline.tables import JUDGMENTS, PREFERENCES, RESPONSES, table_from_rows

VERDICTS = ("first", "second", "tie", "invalid")
TURNED = {"first": "second", "second": "first"}

verdicts = st.sampled_from(VERDICTS)
pairs = st.lists(st.tuples(verdicts, verdicts, st.booleans()), max_size=20)


@given(pairs)
def test_confusion_counts_verdicts_in_the_order_that_the_judge_saw(
    said: list[tuple[str, str, bool]],
) -> None:
    rows: list[dict[str, Any]] = []
    for number, (gold, verdict, swapped) in enumerate(said):
        one, other = f"{number}-a", f"{number}-b"
        shown = (other, one) if swapped else (one, other)
        rows.append(_judgment("verifier", "verifier", one, other, gold))
        rows.append(_judgment("big", "pairwise", *shown, verdict))
    found = confusion(table_from_rows(rows, JUDGMENTS))
    expected = Counter((TURNED.get(g, g) if swapped else g, v) for g, v, swapped in said)
    assert {(row["verifier"], row["said"]): row["rows"] for row in found} == expected


def test_a_pair_without_a_verifier_is_not_in_the_confusion() -> None:
    table = table_from_rows([_judgment("big", "pairwise", "a", "b", "first")], JUDGMENTS)
    assert confusion(table) == []


@given(st.lists(st.floats(0.5, 1.0), max_size=40))
def test_every_preference_is_in_one_bin_of_the_histogram(ps: list[float]) -> None:
    table = pa.table({"p_chosen": pa.array(ps, pa.float64()), "label_source": ["ai"] * len(ps)})
    found = histogram(table.cast(pa.schema([PREFERENCES.field(n) for n in table.column_names])))
    assert sum(row["rows"] for row in found) == len(ps)
    assert all(0.5 <= row["low"] < row["high"] <= 1 for row in found)


def test_costs_count_each_call_once_and_rows_without_a_call_never() -> None:
    paid = {"input_tokens": 10, "output_tokens": 2, "cost_usd": 0.5}
    rows = [
        {"model": "m", "request_key": "one", **paid},
        {"model": "m", "request_key": "one two", **paid},
        {"model": "m", "request_key": "two three", **paid},
        {"model": "m", "input_tokens": 99},
    ]
    (found,) = costs("generate", "model", table_from_rows(rows, RESPONSES))
    assert found == {
        "stage": "generate", "by": "m", "calls": 3, "input_tokens": 30, "output_tokens": 6,
        "cost_usd": 1.5,
    }  # fmt: skip


def test_counts_are_sorted_by_their_values() -> None:
    table = pa.table({"stage": ["b", "a", "b"], "reason": ["x", "y", "x"]})
    assert count_rows(table, "stage", "reason") == [
        {"stage": "a", "reason": "y", "rows": 1},
        {"stage": "b", "reason": "x", "rows": 2},
    ]


def _judgment(judge: str, method: str, first: str, second: str, verdict: str) -> dict[str, Any]:
    return {"judge": judge, "method": method, "first_id": first, "second_id": second,
            "verdict": verdict}  # fmt: skip
