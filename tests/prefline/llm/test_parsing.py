from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
import pytest

from prefline.config import Endpoint, Prices
from prefline.errors import EndpointDenied, ModelUnknown
from prefline.llm.outcome import Usage
from prefline.llm.parsing import (
    Accepted,
    Refused,
    Retry,
    Stop,
    classify,
    parse_reply,
    retry_after,
)
from tests.prefline.llm.requests import ask

ENDPOINT = Endpoint(base_url="http://host/v1", model="m", key_env="SOME_KEY")


def chat(**choice: object) -> bytes:
    return orjson.dumps({"choices": [{"message": {"content": "hi"}} | choice]})


def error(message: str, code: str | None = None) -> bytes:
    return orjson.dumps({"error": {"message": message, "code": code}})


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        pytest.param(200, b"<html>busy</html>", "not_json", id="html with status 200"),
        pytest.param(200, b'{"choices": [{"mess', "not_json", id="truncated json"),
        pytest.param(200, b'{"choices": []}', "no_choices", id="no choices"),
        pytest.param(200, b"[1, 2]", "no_choices", id="a list"),
        pytest.param(200, chat(message={"content": None}), "null_content", id="null content"),
        pytest.param(
            200, chat(finish_reason="error"), "finish_reason_error", id="given up half-way"
        ),
        pytest.param(408, error("slow"), "http_408", id="408"),
        pytest.param(409, error("conflict"), "http_409", id="409"),
        pytest.param(429, error("slow down"), "http_429", id="429"),
        pytest.param(500, b"oops", "http_500", id="500"),
        pytest.param(503, error("busy"), "http_503", id="503"),
    ],
)
def test_a_passing_fault_is_tried_again(status: int, body: bytes, reason: str) -> None:
    answer = classify(ENDPOINT, status, {}, body)

    assert isinstance(answer, Retry)
    assert answer.reason == reason


@pytest.mark.parametrize("status", [429, 503])
def test_an_overloaded_server_is_told_from_a_broken_one(status: int) -> None:
    answer = classify(ENDPOINT, status, {"retry-after": "7"}, error("busy"))

    assert isinstance(answer, Retry)
    assert answer.overloaded
    assert answer.after_s == 7


@pytest.mark.parametrize("status", [401, 402])
def test_a_refused_key_stops_the_run_and_names_the_variable(status: int) -> None:
    answer = classify(ENDPOINT, status, {}, error("bad key"))

    assert isinstance(answer, Stop)
    assert isinstance(answer.error, EndpointDenied)
    assert "SOME_KEY" in answer.error.remedy


def test_an_account_without_credit_stops_the_run_instead_of_retrying() -> None:
    answer = classify(ENDPOINT, 429, {}, error("no credit", code="insufficient_quota"))

    assert isinstance(answer, Stop)
    assert isinstance(answer.error, EndpointDenied)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "no such model"),
        (400, "/chat/completions: Invalid model name passed in model=m"),  # LiteLLM
        (400, "The model `m` does not exist"),
    ],
)
def test_an_unknown_model_stops_the_run(status: int, message: str) -> None:
    answer = classify(ENDPOINT, status, {}, error(message))

    assert isinstance(answer, Stop)
    assert isinstance(answer.error, ModelUnknown)
    assert "'m'" in answer.error.problem


def test_a_bad_request_fails_its_own_record_only() -> None:
    answer = classify(ENDPOINT, 400, {}, error("too many tokens"))

    assert isinstance(answer, Refused)
    assert "too many tokens" in answer.detail


def test_a_refusal_is_a_reply_that_says_so() -> None:
    body = chat(message={"content": None, "refusal": "I cannot"}, finish_reason="stop")

    assert isinstance(classify(ENDPOINT, 200, {}, body), Accepted)
    reply = parse_reply(ask("x"), Prices(), orjson.loads(body), cached=False)
    assert (reply.text, reply.finish_reason) == ("I cannot", "refusal")


def test_a_reply_is_priced_by_its_tokens() -> None:
    content = {
        "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 1_000,
            "completion_tokens": 500,
            "prompt_tokens_details": {"cached_tokens": 400},
            "completion_tokens_details": {"reasoning_tokens": 300},
        },
    }
    prices = Prices(input=2.0, output=8.0, cached_input=1.0)

    reply = parse_reply(ask("x"), prices, content, cached=False)
    in_batch = parse_reply(ask("x"), prices, content, cached=False, batch=True)

    assert reply.cost_usd == pytest.approx(0.0012 + 0.0004 + 0.004)
    assert in_batch.cost_usd == pytest.approx(reply.cost_usd / 2)
    assert reply.usage == Usage(1_000, 500, 400, 300)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"retry-after": "12"}, 12, id="seconds"),
        pytest.param({"retry-after-ms": "250"}, 0.25, id="milliseconds"),
        pytest.param({"retry-after-ms": "250", "retry-after": "9"}, 0.25, id="both"),
        pytest.param({}, None, id="none"),
        pytest.param({"retry-after": "soon"}, None, id="unreadable"),
    ],
)
def test_the_wait_that_a_server_asks_for_is_read(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


def test_a_wait_until_a_date_is_read() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)

    assert retry_after({"retry-after": later}) == pytest.approx(30, abs=2)


def test_a_date_is_read_by_the_servers_own_clock_since_ours_may_have_jumped() -> None:
    told = {"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}

    assert retry_after(told) == 30


def test_what_was_billed_for_nothing_is_known() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    body = orjson.dumps({"choices": [{"message": {"content": None}}], "usage": usage})

    answer = classify(ENDPOINT, 200, {}, body)

    assert isinstance(answer, Retry)
    assert answer.usage == Usage(7, 3)


def test_a_redirect_stops_the_run_and_names_the_place() -> None:
    answer = classify(ENDPOINT, 301, {"location": "https://host/v1/chat/completions"}, b"")

    assert isinstance(answer, Stop)
    assert "https://host/v1" in answer.error.problem


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"choices": [7]}', id="a choice that is a number"),
        pytest.param(b'{"choices": [{"message": {"content": 7}}]}', id="content that is a number"),
        pytest.param(b'{"choices": {"message": 1}}', id="choices that are a mapping"),
        pytest.param(b'{"choices": [{"message": {"content": [7]}}]}', id="parts that are numbers"),
    ],
)
def test_an_answer_of_another_shape_is_no_completion(body: bytes) -> None:
    answer = classify(ENDPOINT, 200, {}, body)

    assert isinstance(answer, Retry)
    assert answer.reason == "not_a_completion"


def test_a_date_that_has_passed_is_no_wait() -> None:
    earlier = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)

    assert retry_after({"retry-after": earlier}) == 0


def test_tokens_that_are_counted_in_strings_are_counted() -> None:
    body = b'{"choices": [{"message": {"content": "A"}}], "usage": {"prompt_tokens": "12"}}'
    answer = classify(ENDPOINT, 200, {}, body)

    assert isinstance(answer, Accepted)
    assert answer.usage.total == 12


def test_candidates_that_are_no_tokens_or_no_probabilities_are_left_out() -> None:
    odd = [
        {"token": None, "logprob": -0.1}, {"token": "x", "logprob": "NaN"}, {"token": "y"},
        {"token": "z", "logprob": True}, {"token": "B", "logprob": 800},
        {"token": "A", "logprob": -2},
    ]  # fmt: skip
    choice = {"message": {"content": "A"}, "logprobs": {"content": [{"top_logprobs": odd}]}}
    content = {"choices": [choice]}
    reply = parse_reply(ask("x"), Prices(), content, cached=False)

    assert reply.top_logprobs == ((("B", 0.0), ("A", -2.0)),)
