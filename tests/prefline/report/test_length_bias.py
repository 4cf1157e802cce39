"""Whether the longer answer wins."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from prefline.report.measures import length_bias, length_differences
from prefline.tables import PREFERENCES, table_from_rows

texts = st.text(max_size=8)


@given(st.lists(st.tuples(texts, texts), max_size=12))
def test_differences_are_of_characters_of_whole_answers(said: list[tuple[str, str]]) -> None:
    found = length_differences(_preferences(said).to_batches())
    assert found["longer_by"].to_pylist() == [len(a) - len(b) for a, b in said]


@given(st.lists(st.integers(-50, 50), max_size=60))
def test_quarters_hold_every_pair_of_unequal_length_once(differences: list[int]) -> None:
    found = length_bias(_differences(differences))
    unequal = [d for d in differences if d]
    if not unequal:
        assert found == []
        return
    everything, *quarters = found
    assert everything["n"] == len(unequal) == sum(quarter["n"] for quarter in quarters)
    assert everything["value"] == sum(d > 0 for d in unequal) / len(unequal)
    bounds = [(quarter["from"], quarter["to"]) for quarter in quarters]
    assert all(low <= high for low, high in bounds)
    assert all(before[1] < after[0] for before, after in pairwise(bounds))


def test_the_share_is_of_pairs_whose_longer_answer_is_chosen() -> None:
    everything = length_bias(_differences([5, 5, 5, -5]))[0]
    assert everything["value"] == 0.75


def _preferences(said: list[tuple[str, str]]) -> pa.Table:
    rows = [
        {
            "prompt_id": str(number),
            "chosen": [{"role": "assistant", "content": chosen}],
            "rejected": [{"role": "assistant", "content": rejected}],
        }
        for number, (chosen, rejected) in enumerate(said)
    ]
    return table_from_rows(rows, PREFERENCES).select(["prompt_id", "chosen", "rejected"])


def _differences(longer_by: list[int]) -> pa.Table:
    prompts = [str(number // 2) for number in range(len(longer_by))]
    return pa.table(
        {"prompt_id": pa.array(prompts, pa.string()), "longer_by": pa.array(longer_by, pa.int64())}
    )
