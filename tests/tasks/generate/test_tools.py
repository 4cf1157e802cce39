"""Samples of prompts that offer tools."""

from __future__ import annotations

from prefline.llm import Outcome, Reply, Request, Usage
from prefline.tables.messages import ToolCall, message_from_row
from prefline.tables.prompts import prompt_from_row
from tasks.generate import response_table
from tests.tasks.generate.scripted import PROMPTS, drive, params


def test_a_turn_that_calls_tools_is_an_answer_where_the_prompt_offers_some() -> None:
    tools = [{"name": "weather", "parameters": {"type": "object"}}]
    offered = prompt_from_row({"prompt": "Rome?", "tools": tools}, "s", "here")
    call = ToolCall(
        id="1", type="function", function={"name": "weather", "arguments": {"city": "Rome"}}
    )

    def answer(request: Request) -> Outcome:
        text = "" if request.sample_index else "I look."
        return Reply(
            request, text, "tool_calls", (), Usage(), 0.0, cached=False, tool_calls=(call,)
        )

    one = params(1, endpoints=[{"base_url": "http://host/v1", "model": "m"}])
    samples, asked = drive(one, answer, [offered, PROMPTS[0]])
    table, rejections = response_table(samples)
    rows = table.to_pylist()

    assert [request.tools is None for request in asked] == [False, False, True, True]
    assert [row["text"] for row in rows[:2]] == [
        '[assistant] I look.\n[call weather] {"city":"Rome"}', '[call weather] {"city":"Rome"}'
    ]  # fmt: skip
    assert [message_from_row(turn)["tool_calls"] for turn in rows[1]["turns"]] == [[call]]
    assert len({row["response_id"] for row in rows}) == 4
    # Where nobody offered tools a call says nothing.
    assert [(row["finish_reason"], row["turns"]) for row in rows[2:]] == [("tool_calls", None)] * 2
    assert {one.reason for one in rejections} == {"not_revised"}
