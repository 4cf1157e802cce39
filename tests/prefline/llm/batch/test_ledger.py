from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.config import BatchLimits, Endpoint
from prefline.llm.batch.ledger import (
    OutputLine,
    input_line,
    parse_output_line,
    request_bodies,
    split_requests,
)
from prefline.llm.wire import Wire
from tests.prefline.llm.requests import ask

PLAIN = Wire(Endpoint(base_url="http://host/v1", model="sim-strong"))


@given(st.lists(st.text(max_size=200), max_size=40), st.integers(1, 10), st.integers(1_000, 3_000))
@settings(max_examples=100)  # money
def test_parts_keep_every_request_in_order_and_stay_within_the_limits(
    words: list[str], most: int, size: int
) -> None:
    requests = [ask(f"{n} {word}") for n, word in enumerate(words)]
    limits = BatchLimits(max_requests=most, max_bytes=size)
    cut = list(split_requests(requests, limits, PLAIN))

    assert [request for part in cut for request in part] == requests
    for part in cut:
        assert 1 <= len(part) <= most
        assert len(part) == 1 or sum(len(input_line(one, PLAIN)) for one in part) <= size


@given(st.text())
@settings(max_examples=100)  # money
def test_a_line_holds_the_body_that_a_live_call_would_send(text: str) -> None:
    request = ask(text)

    assert request_bodies([input_line(request, PLAIN)]) == {request.key: request.encoded}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            {"custom_id": "k", "response": {"status_code": 200, "body": {"a": 1}}, "error": None},
            OutputLine("k", 200, b'{"a":1}'),
            id="answered",
        ),
        pytest.param(
            {"custom_id": "k", "response": {"status_code": 500, "body": {"error": {}}}},
            OutputLine("k", 500, b'{"error":{}}'),
            id="failed",
        ),
        pytest.param(
            {"custom_id": "k", "response": None, "error": {"code": "batch_expired"}},
            OutputLine("k", 0, b'{"code":"batch_expired"}'),
            id="not reached",
        ),
        pytest.param(
            {"custom_id": "k", "result": {"type": "succeeded", "message": {"type": "message"}}},
            OutputLine("k", 200, b'{"type":"message"}'),
            id="Anthropic's",
        ),
        pytest.param(
            {"custom_id": "k", "result": {"type": "errored", "error": {"type": "error"}}},
            OutputLine("k", 0, b'{"type":"error"}'),
            id="Anthropic's error",
        ),
        pytest.param(
            {"custom_id": "k", "result": {"type": "expired"}},
            OutputLine("k", 0, b'{"code":"expired"}'),
            id="Anthropic's that was not reached",
        ),
        pytest.param({"id": "no custom_id"}, None, id="of another kind"),
        pytest.param(
            {"custom_id": "k", "response": "no"}, OutputLine("k", 0, b'"no"'), id="in a word"
        ),
        pytest.param(
            {"custom_id": "k", "response": {"status_code": "bad", "body": {}}},
            OutputLine("k", 0, b"{}"),
            id="a status that is no number",
        ),
    ],
)
def test_a_line_of_the_output_is_read(line: dict[str, object], expected: OutputLine | None) -> None:
    assert parse_output_line(orjson.dumps(line)) == expected


def test_a_line_that_is_no_json_is_none() -> None:
    assert parse_output_line(b"<html>") is None
