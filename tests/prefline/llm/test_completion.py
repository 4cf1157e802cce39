"""What providers answer in shapes of their own is read for what it is, or not taken at all."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from prefline.config import Endpoint, Prices
from prefline.llm import Reply, ReplyStore
from prefline.llm.batch.ledger import parse_output_line
from prefline.llm.completion import (
    FINISH_REASONS,
    normalise_finish_reason,
    read_completion,
    split_reasoning,
)
from prefline.llm.conversation import CacheLookup
from prefline.llm.outcome import NO_USAGE, Usage, call_columns, parse_usage
from prefline.llm.parsing import Accepted, classify, parse_reply
from prefline.tables import RESPONSES, table_from_rows
from tests.prefline.llm.requests import ask

ENDPOINT = Endpoint(base_url="http://host/v1", model="m")


def reply_to(body: bytes | dict[str, Any]) -> Reply:
    """The reply that the engine makes of a body, and again of what it would store."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = classify(ENDPOINT, 200, {}, raw)
    assert isinstance(answer, Accepted), answer
    fresh = parse_reply(ask("x"), Prices(), answer.content, cached=False)
    stored = parse_reply(ask("x"), Prices(), orjson.loads(answer.body), cached=False)
    assert fresh == stored
    return fresh


def message(content: object, finish_reason: object = "stop", **fields: object) -> dict[str, Any]:
    return {
        "choices": [{"message": {"content": content, **fields}, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    }


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"), ("end_turn", "stop"), ("STOP", "stop"), ("eos_token", "stop"),
        ("length", "length"), ("MAX_TOKENS", "length"), ("max_tokens", "length"),
        ("model_length", "length"), ("max_output_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("SAFETY", "content_filter"), ("RECITATION", "content_filter"),
        ("guardrail_intervened", "content_filter"), ("content-filter", "content_filter"),
        ("tool_use", "tool_calls"), ("refusal", "refusal"), ("network_error", "error"),
        (None, "unknown"), ("", "unknown"),
    ],
)  # fmt: skip
def test_the_words_of_providers_are_mapped_to_few(word: str | None, reason: str) -> None:
    assert normalise_finish_reason(word) == reason
    assert reason in FINISH_REASONS


def test_a_word_that_nobody_knows_is_kept_and_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        replies = [reply_to(message("hi", "Flagellated")) for _ in range(3)]

    assert {reply.finish_reason for reply in replies} == {"flagellated"}
    assert sum("flagellated" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("reason", [7, ["stop"], {"type": "stop"}, True])
def test_a_finish_reason_that_is_no_string_is_unknown(reason: object) -> None:
    assert reply_to(message("hi", reason)).finish_reason == "unknown"


@pytest.mark.parametrize(
    ("content", "fields", "reasoning"),
    [
        pytest.param("42", {"reasoning": "6 x 7"}, "6 x 7", id="OpenRouter"),
        pytest.param("42", {"reasoning_content": "6 x 7"}, "6 x 7", id="vLLM and DeepSeek"),
        pytest.param(
            "42",
            {"reasoning_content": "6 x 7", "thinking_blocks": [{"thinking": "6 x 7"}]},
            "6 x 7",
            id="LiteLLM",
        ),
        pytest.param("42", {"thinking_blocks": [{"thinking": "6 x 7"}]}, "6 x 7", id="blocks"),
        pytest.param(
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "6 x 7"}]},
                {"type": "text", "text": "42"},
            ],
            {},
            "6 x 7",
            id="Mistral",
        ),
        pytest.param(
            [{"type": "thinking", "thinking": "6 x 7"}, {"type": "text", "text": "42"}],
            {},
            "6 x 7",
            id="Anthropic's blocks",
        ),
        pytest.param("<think>\n6 x 7\n</think>\n\n42", {}, "6 x 7", id="tags in the text"),
        pytest.param("<thought>6 x 7</thought>42", {}, "6 x 7", id="Gemini's tags"),
        pytest.param("6 x 7\n</think>\n\n42", {}, "6 x 7", id="opened by the prompt's template"),
        pytest.param("42", {"reasoning": {"effort": 1}}, None, id="reasoning of another shape"),
        pytest.param("42", {"reasoning": None}, None, id="none"),
    ],
)
def test_reasoning_is_told_apart_from_the_answer(
    content: object, fields: dict[str, object], reasoning: str | None
) -> None:
    reply = reply_to(message(content, **fields))

    assert (reply.text, reply.reasoning, reply.finish_reason) == ("42", reasoning, "stop")


@pytest.mark.parametrize(
    "text",
    [
        "Write <think> before it and </think> after it.",
        "<b>bold</b> words",
        "The tag </think> ends a thought.",
        "No tag at all",
    ],
)
def test_a_text_that_only_speaks_of_tags_is_left_as_it_is(text: str) -> None:
    assert split_reasoning(text) == (text, None)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(message(None, "length", reasoning_content="Well..."), id="reasoning shown"),
        pytest.param(message("", "length", reasoning="Well..."), id="empty content"),
        pytest.param(message("<think>Well...", "length"), id="a tag that is not closed"),
        pytest.param(message(None, "stop", reasoning="Well..."), id="done without an answer"),
        pytest.param(
            message(None, "length")
            | {
                "usage": {
                    "completion_tokens": 3,
                    "completion_tokens_details": {"reasoning_tokens": 3},
                }
            },
            id="only counted",
        ),
    ],
)
def test_a_reply_that_is_all_reasoning_says_so(body: dict[str, Any]) -> None:
    reply = reply_to(body)

    assert (reply.text, reply.finish_reason) == ("", "reasoning_only")
    assert reply.usage.output_tokens == 3


def test_reasoning_tokens_are_counted() -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 2}, "completion_tokens": 3}

    assert reply_to(message("42") | {"usage": details}).reasoning_tokens == 2


@pytest.mark.parametrize(
    ("body", "text", "reason"),
    [
        pytest.param(message(None, "length"), "", "length", id="cut off before a word"),
        pytest.param(message(None, "content_filter"), "", "content_filter", id="withheld"),
        pytest.param(message(None, "SAFETY"), "", "content_filter", id="withheld by Gemini"),
        pytest.param(message(None, "tool_calls", tool_calls=[{}]), "", "tool_calls", id="tool"),
        pytest.param(message(None, "stop", tool_calls=[{}]), "", "tool_calls", id="tool, stop"),
        pytest.param(
            message([{"type": "text", "text": "4"}, {"type": "text", "text": "2"}]), "42", "stop",
            id="parts",
        ),
        pytest.param(message(["4", "2"]), "42", "stop", id="parts that are strings"),
        pytest.param(
            {"choices": [{"message": {"content": "42"}, "logprobs": {"content": ["A"]}}]},
            "42", "unknown", id="log-probabilities of another shape",
        ),
        pytest.param(
            {"choices": [{"message": {"content": "42"}, "logprobs": {"top_logprobs": [{}]}}]},
            "42", "unknown", id="log-probabilities as llama.cpp had them",
        ),
        pytest.param(
            {"choices": [{"message": {"content": "42"}, "logprobs": [1, 2]}]},
            "42", "unknown", id="log-probabilities that are a list",
        ),
    ],
)  # fmt: skip
def test_what_was_paid_for_is_a_reply_and_is_not_bought_again(
    body: dict[str, Any], text: str, reason: str
) -> None:
    reply = reply_to(body)

    assert (reply.text, reply.finish_reason) == (text, reason)


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param({"prompt_tokens": "few"}, id="words"),
        pytest.param({"prompt_tokens": 10**19, "completion_tokens": 3}, id="10^19"),
        pytest.param({"prompt_tokens": -1}, id="negative"),
        pytest.param({"prompt_tokens": 1e300}, id="a huge float"),
        pytest.param([1, 2], id="a list"),
        pytest.param("12 tokens", id="a string"),
        pytest.param({"prompt_tokens": 1, "prompt_tokens_details": 3}, id="details"),
    ],
)
def test_usage_that_cannot_be_read_is_ignored_and_said(
    usage: object, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    model = request.node.name
    with caplog.at_level(logging.WARNING):
        reply = reply_to(message("42") | {"usage": usage, "model": model})

    assert reply.usage == NO_USAGE
    assert sum(model[:60] in record.getMessage() for record in caplog.records) == 1
    columns = call_columns([reply])
    row = dict.fromkeys(RESPONSES.names, "x") | {"sample_index": 0} | columns
    assert table_from_rows([row], RESPONSES)["input_tokens"].to_pylist() == [0]


def test_thoughts_that_only_the_total_has_are_billed_as_output() -> None:
    usage = {"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 623}

    assert parse_usage({"usage": usage}) == Usage(20, 603, 0, 405)


def test_usage_of_usual_shape_is_read() -> None:
    assert parse_usage({"usage": {"prompt_tokens": 5, "completion_tokens": 2.0}}) == Usage(5, 2)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param(rb'"smile \ud83d"', "smile \ufffd", id="half a surrogate pair"),
        pytest.param(rb'"\ud83d\ude00 \udc00"', "\U0001f600 \ufffd", id="and a whole one"),
        pytest.param(b'"smile \xed\xa0\xbd"', "smile \ufffd\ufffd\ufffd", id="half of it in bytes"),
    ],
)  # fmt: skip
def test_half_an_emoji_is_replaced_and_is_stored_so_that_it_can_be_read(
    raw: bytes, text: str
) -> None:
    body = b'{"choices": [{"message": {"content": %b}, "finish_reason": "stop"}]}' % raw
    reply = reply_to(body)

    assert reply.text == text
    pa.array([reply.text]).cast(pa.large_string())


def test_numbers_that_json_does_not_have_are_left_out() -> None:
    tokens = (
        b'[{"top_logprobs": [{"token": "A", "logprob": -1}, {"token": "B", "logprob": -Infinity}]}]'
    )
    body = (
        b'{"choices": [{"message": {"content": "A"}, "finish_reason": "stop",'
        b' "logprobs": {"content": %b}}], "usage": {"prompt_tokens": NaN, "cost": Infinity,'
        b' "completion_tokens": 3}}' % tokens
    )  # fmt: skip
    reply = reply_to(body)

    assert reply.top_logprobs == ((("A", -1.0),),)
    assert reply.usage == Usage(0, 3)


@pytest.mark.parametrize(
    "before",
    [b"\n\n  \n", b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n", b"\xef\xbb\xbf"],
    ids=["blank lines", "comments", "a byte order mark"],
)
def test_what_keeps_a_connection_alive_before_the_json_is_cut_off(before: bytes) -> None:
    assert reply_to(before + orjson.dumps(message("42"))).text == "42"


def test_a_line_of_a_batch_with_half_an_emoji_is_read() -> None:
    line = parse_output_line(
        rb'{"custom_id": "k", "response": {"status_code": 200, "body": {"text": "\ud83d"}}}'
    )

    assert line is not None
    assert (line.key, line.status, line.body) == ("k", 200, '{"text":"\ufffd"}'.encode())


def test_a_reply_that_was_stored_before_is_read_as_a_new_one_would_be(tmp_path: Path) -> None:
    request = ask("x")
    body = orjson.dumps(message("<think>6 x 7</think>42", "max_tokens"))
    with ReplyStore(tmp_path / "replies.db") as store:
        asyncio.run(store.put(request.key, request.encoded, body))
        reply = CacheLookup(store).outcome(request)

    assert isinstance(reply, Reply)
    assert (reply.text, reply.reasoning, reply.finish_reason) == ("42", "6 x 7", "length")


def test_a_message_without_text_and_without_a_reason_for_that_is_nothing() -> None:
    assert read_completion(message(None, "stop")) is None
    assert read_completion(message(None, None)) is None


FUNCTION = {"name": "weather", "arguments": '{"city": "Rome"}'}


@pytest.mark.parametrize(
    "content",
    [
        {"choices": [{"finish_reason": "tool_calls", "message": {
            "content": None, "tool_calls": [{"id": "1", "type": "function", "function": FUNCTION}],
        }}]},
        {"choices": [{"finish_reason": "tool_calls", "message": {
            "content": "", "reasoning_content": "hm", "function_call": FUNCTION,
        }}]},
        {"type": "message", "stop_reason": "tool_use", "content": [
            {"type": "tool_use", "id": "1", "name": "weather", "input": {"city": "Rome"}},
        ]},
    ],
)  # fmt: skip
def test_the_calls_of_a_reply_are_read_from_every_api(content: dict[str, Any]) -> None:
    completion = read_completion(content)

    assert completion is not None
    assert (completion.text, completion.finish_reason) == ("", "tool_calls")
    (call,) = completion.tool_calls
    assert call["function"] == {"name": "weather", "arguments": {"city": "Rome"}}


def test_text_beside_a_call_is_kept_and_a_call_of_no_known_form_is_none() -> None:
    def read(*calls: Any, text: str = "I look.") -> Any:
        message = {"content": text, "tool_calls": list(calls)}
        return read_completion({"choices": [{"finish_reason": "stop", "message": message}]})

    found = read({"function": FUNCTION})
    assert (found.text, len(found.tool_calls)) == ("I look.", 1)
    assert read({"function": FUNCTION}, {"function": {}}).tool_calls == ()
    assert read({}, text="").finish_reason == "tool_calls"
