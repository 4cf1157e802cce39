"""Arrow's quick look at message lists finds what the plain functions say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from prefline.tables.schemas import MESSAGES, TURNS
from tasks.validate.columns import (
    answer_fault,
    answer_faults,
    answer_texts,
    conversation_fault,
    conversation_faults,
)

messages = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user", "assistant", "tool", "", None]),
            "content": st.sampled_from(["Hello.", "é", " ", "", "\n\t", None]),
        }
    ),
    max_size=3,
)
columns = st.lists(st.none() | messages, max_size=8)


def column_of(rows: list[Any], cut: int) -> Any:
    """The rows as a column of two chunks, both of them slices of a larger array."""
    padded = pa.array([[{"role": "user", "content": "before"}], *rows, None], MESSAGES)
    inner = padded.slice(1, len(rows))
    return pa.chunked_array([inner.slice(0, cut), inner.slice(cut)], MESSAGES)


def rows_of(chunks: Iterable[Any]) -> list[Any]:
    return [value for chunk in chunks for value in chunk.to_pylist()]


@given(columns, st.integers(0, 8))
def test_faults_of_a_column_are_the_faults_of_its_rows(rows: list[Any], cut: int) -> None:
    chunks = column_of(rows, cut).chunks
    assert rows_of(map(conversation_faults, chunks)) == [conversation_fault(row) for row in rows]
    assert rows_of(map(answer_faults, chunks)) == [answer_fault(row) for row in rows]


@given(columns, st.integers(0, 8))
def test_the_text_of_an_answer_is_that_of_its_only_message(rows: list[Any], cut: int) -> None:
    expected = [row[0]["content"] if row and len(row) == 1 else None for row in rows]
    assert rows_of(map(answer_texts, column_of(rows, cut).chunks)) == expected


def test_a_fault_says_which_message() -> None:
    said = [{"role": "user", "content": "Hi"}, {"role": "robot", "content": "x"}]
    assert conversation_fault(said) == "message 2 has role 'robot'"
    assert answer_fault(said) == "2 messages instead of one"
    assert answer_fault(said[:1]) == "the message has role 'user'"


def turn(role: str, content: str, **more: str) -> dict[str, str]:
    return {"role": role, "content": content, **more}


def test_a_trajectory_is_an_answer_and_its_text_is_all_of_it() -> None:
    call = '[{"type":"function","function":{"name":"f","arguments":{"x":%d}}}]'
    first, other = (
        [turn("assistant", "", tool_calls=call % x), turn("tool", ""), turn("assistant", "Done.")]
        for x in (1, 2)
    )
    calling = [turn("assistant", "", tool_calls=call % 1)]
    faulty = [
        [*first[:2]],
        [turn("assistant", "", tool_calls="no JSON")],
        [turn("assistant", "", tool_calls='[{"function":{}}]')],
        [turn("user", "Hi"), *first],
    ]
    rows = pa.array([first, other, calling, [turn("assistant", "text")], *faulty], TURNS)

    texts, faults = answer_texts(rows).to_pylist(), answer_faults(rows).to_pylist()

    assert texts[:4] == [
        '[call f] {"x":1}\n[result f] \n[assistant] Done.',
        '[call f] {"x":2}\n[result f] \n[assistant] Done.',
        '[call f] {"x":1}',
        "text",
    ]
    assert faults[:4] == [None] * 4
    assert texts[4:] == [None] * 4
    assert faults[4:] == [
        "the turns have roles 'assistant', 'tool'",
        "message 1 has calls that are no JSON",
        "message 1 has a call without name and arguments",
        "the turns have roles 'user', 'assistant', 'tool', 'assistant'",
    ]
    assert conversation_faults(rows).to_pylist()[0] is None
