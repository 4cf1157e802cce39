"""Requests as endpoints take them, and the keys of their replies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from prefline.config import Endpoint, EngineParams
from prefline.llm import EmbeddingRequest, Engine, Reply, ReplyStore, Request, dry_run
from prefline.llm.delimiters import constant_head
from prefline.llm.wire import Wire, headers_for
from prefline.simulator import SimulatorConfig
from prefline.tables.messages import Message
from tests.prefline.llm.requests import ask
from tests.simulated import threaded_server

SCHEMA = '{"type":"json_schema","json_schema":{"name":"v","schema":{"type":"object"}}}'


def endpoint(**more: Any) -> Endpoint:
    return Endpoint(base_url="http://host/v1", model="sim-strong", **more)


def body(asked: Request, **more: Any) -> dict[str, Any]:
    """What is sent to an endpoint with these params."""
    sent: dict[str, Any] = orjson.loads(Wire(endpoint(**more)).encode(asked))
    return sent


def test_an_endpoint_without_changes_gets_the_canonical_body_under_the_same_key_as_ever() -> None:
    wire, request = Wire(endpoint()), ask("hello")

    assert wire.encode(request) is request.encoded
    assert wire.keyed(request) is request
    assert request.key == "4efa999b91be7d9c36d6226f6fcd38b5"  # as it was before there were dialects


def test_parameters_are_omitted_renamed_and_added() -> None:
    sent = body(
        ask("hello", top_logprobs=5),
        request={
            "omit": ["seed", "top_p"],
            "rename": {"max_tokens": "max_completion_tokens"},
            "extra": {"reasoning_effort": "low"},
        },
    )

    assert sent.keys() == {
        "model", "messages", "temperature", "max_completion_tokens", "logprobs", "top_logprobs",
        "reasoning_effort",
    }  # fmt: skip
    assert sent["max_completion_tokens"] == 20


def test_an_endpoints_own_changes_are_added_to_its_dialects() -> None:
    sent = body(
        ask("hello", top_logprobs=5), dialect="openai-reasoning",
        request={"omit": ["seed"], "extra": {"reasoning_effort": "minimal"}},
    )  # fmt: skip

    assert sent.keys() == {"model", "messages", "max_completion_tokens", "reasoning_effort"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({}, {"rename": {"max_tokens": "max_completion_tokens"}}, True, id="rename"),
        pytest.param({}, {"extra": {"reasoning_effort": "low"}}, False, id="extra"),
        pytest.param({}, {"omit": ["temperature"]}, False, id="omit"),
        pytest.param(
            {"extra": {"reasoning_effort": "low"}}, {"extra": {"reasoning_effort": "high"}}, False,
            id="effort",
        ),
        pytest.param({"omit": ["seed", "top_p"]}, {"omit": ["top_p", "seed"]}, True, id="order"),
    ],
)  # fmt: skip
def test_what_may_change_the_reply_is_in_its_key_and_nothing_else(
    one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    keys = [Wire(endpoint(request=changes)).keyed(ask("hello")).key for changes in (one, other)]

    assert (keys[0] == keys[1]) is same


def test_a_reply_is_found_again_by_the_key_of_what_was_sent_and_by_no_other(
    tmp_path: Path,
) -> None:
    params = EngineParams(max_in_flight=4)
    with threaded_server() as server, ReplyStore(tmp_path / "replies.db") as store:
        plain = Endpoint(base_url=server.base_url, model="sim-strong")
        low = plain.model_copy(update={"request": endpoint(
            request={"extra": {"reasoning_effort": "low"}}).request})  # fmt: skip
        for asked in (plain, low, low, plain):
            with Engine([asked], params, store) as engine:
                (reply,) = engine.answer([ask("hello")])
            assert isinstance(reply, Reply)
            assert reply.request.key in store
            assert reply.request.tag == "hello"

        assert server.stats().requests == 2
        (request,), _ = dry_run([_once(ask("hello"))], store, endpoints=[low])
        assert request.key in store
        assert request.key != ask("hello").key


def _once(request: Request) -> Any:
    yield request


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"omit": ["temprature"]}, "did you mean temperature"),
        ({"rename": {"maxtokens": "n"}}, "did you mean max_tokens"),
        ({"extra": {"messages": []}}, "messages cannot be set here"),
    ],
)
def test_a_change_that_cannot_be_meant_is_an_error(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        endpoint(request=changes)


def test_a_messages_request_has_its_system_text_apart_and_no_unknown_parameter() -> None:
    request = Request(
        "claude",
        (Message(role="system", content="Be kind."), Message(role="user", content="Hi")),
        ask("x").sampling,
        top_logprobs=5,
        response_format=SCHEMA,
    )
    sent = body(request, dialect="anthropic")

    assert sent == {
        "model": "claude", "max_tokens": 20, "temperature": 0.8, "system": "Be kind.",
        "messages": [{"role": "user", "content": "Hi"}],
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    }  # fmt: skip


TOOLS = '[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]'
CALLED: list[Any] = [
    {"role": "user", "content": "Rome?"},
    {
        "role": "assistant",
        "content": "",
        "reasoning": "I look.",
        "tool_calls": [
            {"type": "function", "function": {"name": "weather", "arguments": {"city": "Rome"}}},
            {"id": "b", "type": "function", "function": {"name": "weather", "arguments": "{x"}},
        ],
    },
    {"role": "tool", "content": "18"},
    {"role": "tool", "content": "none", "tool_call_id": "b"},
]


def test_calls_are_sent_as_text_with_an_id_for_each_call_and_result() -> None:
    request = Request("m", tuple(CALLED), ask("x").sampling, tools=TOOLS)
    _, called, first, other = request.body["messages"]

    assert request.body["tools"] == orjson.loads(TOOLS)
    assert called == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_0", "type": "function",
             "function": {"name": "weather", "arguments": '{"city":"Rome"}'}},
            {"id": "b", "type": "function", "function": {"name": "weather", "arguments": "{x"}},
        ],
    }  # fmt: skip
    assert first == {"role": "tool", "content": "18", "tool_call_id": "call_0"}
    assert other["tool_call_id"] == "b"
    assert request.key != Request("m", tuple(CALLED), ask("x").sampling).key


def test_calls_and_results_are_parts_of_a_messages_request() -> None:
    request = Request("claude", tuple(CALLED), ask("x").sampling, tools=TOOLS)
    sent = body(request, dialect="anthropic")

    assert sent["tools"] == [{"name": "weather", "input_schema": {"type": "object"}}]
    assert sent["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Rome?"}]},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "call_0", "name": "weather", "input": {"city": "Rome"}},
            {"type": "tool_use", "id": "b", "name": "weather", "input": {"arguments": "{x"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "call_0", "content": "18"},
            {"type": "tool_result", "tool_use_id": "b", "content": "none"},
        ]},
    ]  # fmt: skip


def test_thinking_goes_into_a_messages_request_beside_its_format() -> None:
    extra = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    sent = body(
        ask("x", response_format=SCHEMA), dialect="anthropic",
        request={"omit": ["temperature"], "extra": extra},
    )  # fmt: skip

    assert "temperature" not in sent
    assert sent["thinking"] == {"type": "adaptive"}
    assert sent["output_config"].keys() == {"format", "effort"}


def test_the_head_that_judge_prompts_share_is_marked_to_be_cached() -> None:
    head = "Judge them by these rules. " * 100 + "\n\n"
    text = f"{head}[question]\nWhy?\n[end question]\n[answer A]\n..."
    (turn,) = body(ask(text), dialect="anthropic")["messages"]

    assert turn["content"] == [
        {"type": "text", "text": head, "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": text[len(head) :]},
    ]
    (short,) = body(ask("Judge.\n[question]\nWhy?\n[end question]"), dialect="anthropic")[
        "messages"
    ]
    assert isinstance(short["content"], str)


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("Do it.\n\n[question]\nA", "Do it.\n\n"),
        ("Do it.\n[question 0123456789abcdef]\nA", "Do it.\n"),
        ("Do [this] and that", ""),
        ("nothing", ""),
    ],
)
def test_a_head_ends_before_the_first_delimiter(text: str, head: str) -> None:
    assert constant_head(text) == head


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ({}, "http://host/v1/chat/completions"),
        ({"dialect": "anthropic"}, "http://host/v1/messages"),
        ({"dialect": "azure"}, "http://host/v1/chat/completions"),
        (
            {"dialect": "azure", "api_version": "2024-10-21"},
            "http://host/v1/openai/deployments/sim-strong/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_each_api_has_its_path(more: dict[str, Any], url: str) -> None:
    wire = Wire(endpoint(**more))

    assert wire.url("http://host/v1", ask("x")) == url
    assert "messages" not in wire.url("http://host/v1", EmbeddingRequest("m", "x"))


@pytest.mark.parametrize(
    ("dialect", "headers"),
    [
        (None, {"Authorization": "Bearer k"}),
        ("openrouter", {"Authorization": "Bearer k"}),
        ("azure", {"api-key": "k"}),
        ("anthropic", {"x-api-key": "k", "anthropic-version": "2023-06-01"}),
    ],
)
def test_each_provider_gets_the_key_in_its_header(dialect: Any, headers: dict[str, str]) -> None:
    assert headers_for(endpoint(dialect=dialect), "k") == headers


def test_thinking_of_a_message_is_its_reasoning_and_what_was_cached_is_cheaper(
    tmp_path: Path,
) -> None:
    head = "Judge them by these rules. " * 100 + "\n\n"
    request = ask(f"{head}[question]\nWhy?\n[end question]")
    with (
        threaded_server(SimulatorConfig(dialect="anthropic")) as server,
        ReplyStore(tmp_path / "replies.db") as store,
    ):
        claude = Endpoint(
            base_url=server.base_url, model="sim-strong", dialect="anthropic",
            request={"omit": ["temperature"], "extra": {"thinking": {"type": "adaptive"}}},
        )  # fmt: skip
        with Engine([claude], EngineParams(), store) as engine:
            (reply,) = engine.answer([request])

    assert isinstance(reply, Reply)
    assert reply.reasoning is not None
    assert reply.reasoning.startswith("Let me think")
    assert reply.text.startswith("zq")
    assert reply.usage.cached_tokens == 500
    assert reply.usage.input_tokens > 500


def test_an_embedding_has_a_key_of_what_its_endpoint_adds() -> None:
    wire = Wire(endpoint(request={"omit": ["encoding_format"], "extra": {"dimensions": 8}}))
    request = EmbeddingRequest("m", "text")

    assert orjson.loads(wire.encode(request)) == {"model": "m", "input": "text", "dimensions": 8}
    keyed = wire.keyed(request)
    assert isinstance(keyed, EmbeddingRequest)
    assert keyed.key != request.key
    assert keyed.as_variant(None).key == request.key
