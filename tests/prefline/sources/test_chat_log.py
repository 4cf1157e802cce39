from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import InputError
from prefline.sources.chat_log import UnusableRequest, read_conversation

QUESTION = {"role": "user", "content": "Why?"}
ANSWER = {"role": "assistant", "content": "Because."}
TURNS = st.lists(st.sampled_from([QUESTION, ANSWER, {"role": "system", "content": "Be brief."}]))


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [QUESTION]},
        {"messages": [QUESTION, ANSWER], "model": "m", "usage": {"total_tokens": 9}},
        {"request": {"messages": [QUESTION]}, "response": {"choices": [{"message": ANSWER}]}},
        {"custom_id": "1", "method": "POST", "body": {"model": "m", "messages": [QUESTION]}},
        {"request": {"body": {"messages": [QUESTION, ANSWER]}}},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]},
    ],
)
def test_the_conversation_is_found_however_it_was_logged(row: dict[str, Any]) -> None:
    assert read_conversation(row, "here") == (QUESTION,)


@given(TURNS)
def test_only_the_answer_at_the_end_is_dropped(turns: list[dict[str, str]]) -> None:
    found = read_conversation({"messages": turns}, "here")

    if isinstance(found, UnusableRequest):
        assert QUESTION not in turns
    else:
        assert found[-1]["role"] != "assistant"
        assert list(found) + [ANSWER] * (len(turns) - len(found)) == turns


def test_earlier_turns_and_the_developer_s_word_stay() -> None:
    turns = [{"role": "developer", "content": "Be brief."}, QUESTION, ANSWER, QUESTION, ANSWER]

    found = read_conversation({"messages": turns}, "here")

    assert found == ({"role": "system", "content": "Be brief."}, QUESTION, ANSWER, QUESTION)


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], "not_text"),
        ([QUESTION, {"role": "assistant", "tool_calls": [{}]}], "not_text"),
        ([QUESTION, {"role": "tool", "content": "4"}], "not_text"),
        ([{"role": "system", "content": "Be brief."}, ANSWER], "no_question"),
        ([], "no_question"),
    ],
)
def test_traffic_that_is_no_conversation_of_texts_has_a_reason(
    turns: list[dict[str, Any]], reason: str
) -> None:
    found = read_conversation({"messages": turns}, "log.jsonl, row 3")

    assert isinstance(found, UnusableRequest)
    assert found.reason == reason
    assert "log.jsonl, row 3" in found.detail


@pytest.mark.parametrize("row", [{}, {"messages": "Why?"}, {"request": [QUESTION]}])
def test_a_line_that_is_no_request_is_an_error(row: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"log\.jsonl, row 3: field 'messages'"):
        read_conversation(row, "log.jsonl, row 3")
