from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from prefline.tables.calls import (
    SeenCalls,
    charged_once,
    distinct_keys,
    each_call,
    keys_of,
)

CELLS = st.none() | st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3).map(" ".join)


def rows(cells: list[tuple[str, str | None]]) -> pa.Table:
    models, keys = [model for model, _ in cells], [key for _, key in cells]
    return pa.table(
        {"model": pa.array(models, pa.string()), "request_key": pa.array(keys, pa.string())}
    )


@given(st.lists(st.tuples(st.sampled_from("mn"), CELLS), max_size=8))
def test_each_call_is_counted_once_however_many_rows_and_cells_name_it(
    cells: list[tuple[str, str | None]],
) -> None:
    named = [(model, key) for model, cell in cells for key in keys_of(cell)]
    table = rows(cells)

    assert each_call(table, "model").num_rows == len(named)
    assert distinct_keys(table) == list(dict.fromkeys(key for _, key in named))
    assert len(distinct_keys(table)) == len({key for _, key in named})


def test_rows_of_several_chunks_are_told_apart() -> None:
    table = pa.concat_tables([rows([("m", "a b")]), rows([("n", None), ("n", "b c")])])

    assert each_call(table, "model").to_pylist() == [
        {"request_key": key, "model": model}
        for key, model in (("a", "m"), ("b", "m"), ("b", "n"), ("c", "n"))
    ]


def test_a_call_behind_several_rows_is_charged_in_the_first() -> None:
    some = [
        {"request_key": key, "cost_usd": cost, "input_tokens": 3}
        for key, cost in (("a", 1.0), ("b", 2.0), (None, None), ("a", 1.0), (None, None))
    ]
    table, seen = pa.Table.from_pylist(some), SeenCalls()
    charged = charged_once(table, seen, "cost_usd", "input_tokens")
    again = charged_once(table, seen, "cost_usd")

    assert charged["cost_usd"].to_pylist() == [1.0, 2.0, None, 0.0, None]
    assert charged["input_tokens"].to_pylist() == [3, 3, 3, 0, 3]
    assert charged.schema == table.schema
    assert again["cost_usd"].to_pylist() == [0.0, 0.0, None, 0.0, None]


@given(st.lists(st.lists(CELLS, max_size=9), max_size=9))
def test_a_cell_is_first_named_once_however_a_table_is_shown(
    batches: list[list[str | None]],
) -> None:
    seen, known = SeenCalls(), set[str]()
    for cells in batches:
        first = seen.first_named(pa.array(cells, pa.string())).tolist()
        for cell, is_first in zip(cells, first, strict=True):
            assert is_first == (cell is None or cell not in known)
            known |= {cell} - {None} if cell else set()
