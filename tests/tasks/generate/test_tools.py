"""Samples of prompts that offer tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefline.config import Endpoint, EngineParams
from prefline.llm import Engine, Outcome, Reply, ReplyStore, Request, Usage
from prefline.simulator import SimulatorConfig
from prefline.tables.messages import ToolCall, message_from_row
from prefline.tables.prompts import prompt_from_row
from tasks.generate import generation_requests, response_table
from tests.simulated import threaded_server
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


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_a_prompt_amid_a_trajectory_is_answered_by_either_api(dialect: str, tmp_path: Path) -> None:
    calls = [{"function": {"name": "weather", "arguments": {"city": "Rome"}}}]
    messages = [
        {"role": "user", "content": "Rome?"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "content": "18 degrees"},
    ]
    row = {"messages": messages, "tools": [{"name": "weather"}]}
    config = SimulatorConfig.model_validate({"dialect": dialect})
    with threaded_server(config) as server, ReplyStore(tmp_path / "replies.db") as store:
        endpoint = Endpoint.model_validate(
            {"base_url": server.base_url, "model": "sim-strong", "dialect": dialect}
        )
        given = params(endpoints=[endpoint], samples_per_prompt=1)
        requests = generation_requests([prompt_from_row(row, "s", "here")], given)
        with Engine([endpoint], EngineParams(), store) as engine:
            (reply,) = engine.answer(requests)

    assert isinstance(reply, Reply), reply
    assert reply.text
