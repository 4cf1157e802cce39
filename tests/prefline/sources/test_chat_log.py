from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import InputError
from prefline.sources.chat_log import LoggedRequest, UnusableRequest, read_conversation

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
    assert read_conversation(row, "here") == LoggedRequest((QUESTION,))


@given(TURNS)
def test_only_the_answer_at_the_end_is_dropped(turns: list[dict[str, str]]) -> None:
    found = read_conversation({"messages": turns}, "here")

    if isinstance(found, UnusableRequest):
        assert QUESTION not in turns
    else:
        asked = list(found.messages)
        assert asked[-1]["role"] != "assistant"
        assert asked + [ANSWER] * (len(turns) - len(asked)) == turns


def test_earlier_turns_and_the_developer_s_word_stay() -> None:
    turns = [{"role": "developer", "content": "Be brief."}, QUESTION, ANSWER, QUESTION, ANSWER]

    found = read_conversation({"messages": turns}, "here")

    system = {"role": "system", "content": "Be brief."}
    assert found == LoggedRequest((system, QUESTION, ANSWER, QUESTION))


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], "not_text"),
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


def test_a_trace_with_tools_is_what_was_asked_and_what_could_be_called() -> None:
    openai = {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "1",
                        "type": "function",
                        "function": {
                            "name": "weather",
                            "arguments": '{"city": "Rome", "on": null}',
                        },
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "1", "content": "18"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather"}}],
    }
    anthropic = {
        "system": [{"type": "text", "text": "Be brief."}],
        "tools": [{"name": "weather", "input_schema": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "I must look."},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "1", "name": "weather", "input": {"city": "Rome"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "1", "content": "18"},
                    {"type": "text", "text": "And tomorrow?"},
                ],
            },
        ],
    }
    asked = {"role": "user", "content": "Weather?"}
    result = {"role": "tool", "content": "18", "tool_call_id": "1"}

    def call(**arguments: Any) -> dict[str, Any]:
        return {"id": "1", "type": "function", "function": {"name": "weather", **arguments}}

    first = read_conversation(openai, "here")
    other = read_conversation({"body": anthropic}, "here")

    calls = [call(arguments={"city": "Rome", "on": None})]
    assert first == LoggedRequest(
        (asked, {"role": "assistant", "content": "", "tool_calls": calls}, result),  # type: ignore[typeddict-item]
        '[{"type":"function","function":{"name":"weather"}}]',
    )
    said = {"role": "assistant", "content": "I look.", "reasoning": "I must look."}
    assert isinstance(other, LoggedRequest)
    assert list(other.messages) == [
        {"role": "system", "content": "Be brief."},
        asked,
        {**said, "tool_calls": [call(arguments={"city": "Rome"})]},
        result,
        {"role": "user", "content": "And tomorrow?"},
    ]
    assert other.tools is not None
    assert '"parameters":{"type":"object"}' in other.tools


def test_a_whole_trajectory_at_the_end_is_the_answer() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    answer = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "4"},
        ANSWER,
    ]

    assert read_conversation({"messages": [QUESTION, *answer]}, "") == LoggedRequest((QUESTION,))


@pytest.mark.parametrize("row", [{}, {"messages": "Why?"}, {"request": [QUESTION]}])
def test_a_line_that_is_no_request_is_an_error(row: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"log\.jsonl, row 3: field 'messages'"):
        read_conversation(row, "log.jsonl, row 3")
