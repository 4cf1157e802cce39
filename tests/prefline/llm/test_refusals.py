"""What fails a call, what fails the run, and what is said to do about it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from prefline.config import Endpoint, EngineParams, Prices
from prefline.config.dialects import RequestChanges
from prefline.errors import CallsLost, EndpointDenied, RequestRefused
from prefline.llm import Engine, Failure, Outcome, Reply, ReplyStore, Request, open_engine
from prefline.llm.faults import Fault, read_fault
from prefline.llm.parsing import Refused, Stop, classify
from prefline.llm.refusals import changes_for, params_line, refused_error
from prefline.llm.wire import Wire
from prefline.project import Project
from prefline.simulator import Latency, Limits, SimulatedServer, SimulatorConfig
from tests.prefline.llm.requests import ask
from tests.simulated import threaded_server

PARAMS = EngineParams(max_in_flight=4, max_tries=3, max_back_off_s=0.02, timeout_s=5.0)
KEY = "PREFLINE_TEST_KEY"


def run(
    folder: Path, requests: list[Request], endpoint: Endpoint, **params: float
) -> list[Outcome]:
    changed = PARAMS.model_copy(update=params)
    with ReplyStore(folder / "replies.db") as store, Engine([endpoint], changed, store) as engine:
        return list(engine.answer(requests))


def endpoint_at(server: SimulatedServer, **more: Any) -> Endpoint:
    return Endpoint(base_url=server.base_url, model="sim-strong", **more)


def prompts(count: int = 80) -> list[Request]:
    return [ask(str(n)) for n in range(count)]


def failed(outcomes: list[Outcome]) -> list[Failure]:
    return [outcome for outcome in outcomes if isinstance(outcome, Failure)]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("500", "http_500"), ("error200", "http_502"), ("html200", "not_json"),
        ("424", "http_424"), ("finish_error", "finish_reason_error"),
        ("403_moderation", "content_filter"), ("403_firewall", "forbidden"),
        ("400_filter", "content_filter"), ("400", "bad_request"),
    ],
)  # fmt: skip
def test_a_call_that_fails_every_time_fails_alone_and_a_rerun_goes_through_too(
    fault: str, reason: str, tmp_path: Path
) -> None:
    with threaded_server(SimulatorConfig(lasting={fault: 0.08})) as server:
        first = run(tmp_path, prompts(), endpoint_at(server))
        answered = server.stats().answered
        second = run(tmp_path, prompts(), endpoint_at(server))

        assert server.stats().duplicates == 0
        # Of what was answered anew in the second run none is a reply: plain calls, at most.
        assert server.stats().answered - answered <= 2
    assert 1 < len(failed(first)) < 20
    assert {failure.reason for failure in failed(first)} == {reason}
    assert [o.request.key for o in failed(first)] == [o.request.key for o in failed(second)]


def test_many_calls_that_fail_by_themselves_are_told_from_a_dead_server(tmp_path: Path) -> None:
    """A third of 120 calls fail every time: more in a row than a circuit breaker lets pass."""
    with threaded_server(SimulatorConfig(lasting={"500": 0.3})) as server:
        outcomes = run(tmp_path, prompts(120), endpoint_at(server), max_tries=2)
        only_bad = [failure.request for failure in failed(outcomes)]
        again = run(tmp_path, only_bad, endpoint_at(server), max_tries=2)

    assert 20 < len(only_bad) < 60
    assert {failure.reason for failure in failed(again)} == {"http_500"}


@pytest.mark.parametrize("fault", ["rate200", "424", "498"])
def test_a_status_that_passes_is_waited_out_wherever_it_stands(fault: str, tmp_path: Path) -> None:
    with threaded_server(SimulatorConfig(faults={fault: 0.3})) as server:
        outcomes = run(tmp_path, prompts(40), endpoint_at(server), max_tries=30)

    assert not failed(outcomes)


@pytest.mark.parametrize("fault", ["429_budget", "429_quota"])
def test_a_used_up_budget_stops_the_run_at_once_and_keeps_what_was_bought(
    fault: str, tmp_path: Path
) -> None:
    with threaded_server(SimulatorConfig(lasting={fault: 0.6})) as server:
        with pytest.raises(EndpointDenied, match="no credit, budget or quota left") as raised:
            run(tmp_path, prompts(), endpoint_at(server))

        assert server.stats().requests < 30
        assert "everything paid for is kept" in raised.value.remedy
    with threaded_server() as mended:
        outcomes = run(tmp_path, prompts(), endpoint_at(mended))
    assert not failed(outcomes)


def test_being_told_to_slow_down_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = SimulatorConfig(limits=Limits(requests_per_minute=1_200, burst_s=0.5))
    with caplog.at_level(logging.WARNING), threaded_server(config) as server:
        outcomes = run(tmp_path, prompts(20), endpoint_at(server))

    assert not failed(outcomes)
    said = [r.getMessage() for r in caplog.records if "asks to slow down" in r.getMessage()]
    assert len(said) == 1
    assert "Rate limit reached" in said[0]


def test_a_key_that_may_not_list_models_is_good_for_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "right")
    with threaded_server(SimulatorConfig(key="right", list_models=False)) as server:
        outcomes = run(tmp_path, prompts(5), endpoint_at(server, key_env=KEY))

    assert not failed(outcomes)


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        (
            "openai-reasoning",
            "request: {omit: [logprobs, temperature, top_logprobs, top_p], "
            "rename: {max_tokens: max_completion_tokens}}"
            "  (`dialect: openai-reasoning` says the same)",
        ),
        ("gemini", "request: {omit: [seed]}"),
    ],
)
def test_an_endpoint_that_refuses_every_call_stops_the_run_with_the_line_that_mends_it(
    dialect: Any, line: str, tmp_path: Path
) -> None:
    requests = prompts()
    if dialect == "openai-reasoning":
        requests = [ask(str(n), top_logprobs=5, top_p=0.9) for n in range(80)]
    with threaded_server(SimulatorConfig(dialect=dialect)) as server:
        with pytest.raises(RequestRefused, match="refuses every call") as raised:
            run(tmp_path, requests, endpoint_at(server))

        # Three refusals, those under way with them, and the plain calls that find the line.
        assert server.stats().requests < 3 + PARAMS.max_in_flight + 7
        assert raised.value.remedy.partition("params.yaml:  ")[2] == line


def test_the_first_calls_may_be_refused_one_by_one_where_a_plain_call_is_answered(
    tmp_path: Path,
) -> None:
    """All that is left of a run may be what a provider refuses."""
    with threaded_server(SimulatorConfig(lasting={"400": 0.1})) as server:
        bad = [f.request for f in failed(run(tmp_path, prompts(120), endpoint_at(server)))]
        seen = server.stats().requests
        outcomes = run(tmp_path / "other", bad, endpoint_at(server))

        assert len(bad) > 4
        assert {failure.reason for failure in failed(outcomes)} == {"bad_request"}
        assert server.stats().requests - seen == len(bad) + 1


def test_a_plain_call_finds_money_where_all_of_it_is_held_by_calls_that_wait(
    tmp_path: Path,
) -> None:
    """80 calls of which only some fit under the limit at once, all of them refused."""
    with threaded_server(SimulatorConfig(dialect="gemini", latency=Latency(ms=20))) as server:
        endpoint = endpoint_at(server, prices=Prices(output=1.0))
        with pytest.raises(RequestRefused, match="refuses every call"):
            run(tmp_path, prompts(), endpoint, spend_limit_usd=0.00009, max_in_flight=16)


def engine_of(project: Project, endpoint: Endpoint, requests: list[Request]) -> list[Outcome]:
    with open_engine(project, [endpoint], PARAMS) as engine:
        return list(engine.answer(requests))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        pytest.param(SimulatorConfig(faults={"503": 1.0}), "http_503", id="all overloaded"),
        pytest.param(SimulatorConfig(faults={"null_content": 1.0}), "null_content", id="all alike"),
        pytest.param(SimulatorConfig(lasting={"503": 0.4}), "http_503", id="some overloaded"),
        pytest.param(SimulatorConfig(lasting={"403_outage": 0.4}), "http_403", id="no moderation"),
    ],
)
def test_calls_lost_for_an_outside_reason_fail_the_stage_and_are_made_anew(
    config: SimulatorConfig, reason: str, tmp_path: Path
) -> None:
    project, few = Project(tmp_path), prompts(8)
    with threaded_server(config) as server:
        with pytest.raises(CallsLost, match=reason) as raised:
            engine_of(project, endpoint_at(server), few)
        answered = server.stats().answered
    with threaded_server() as mended:
        outcomes = engine_of(project, endpoint_at(mended), few)

        assert mended.stats().requests == 8 - answered
    assert "run the same command again" in raised.value.remedy
    assert not failed(outcomes)


def test_a_record_that_fails_beside_others_does_not_fail_the_stage(tmp_path: Path) -> None:
    with threaded_server(SimulatorConfig(lasting={"400": 0.2})) as server:
        outcomes = engine_of(Project(tmp_path), endpoint_at(server), prompts(20))

    assert 0 < len(failed(outcomes)) < 20


@pytest.mark.parametrize(
    "fault",
    ["tool_calls", "parts", "surrogate", "infinity", "odd_usage", "odd_logprobs", "odd_finish",
     "unknown_finish", "reasoning_only", "MAX_TOKENS", "SAFETY", "keep_alive"],
)  # fmt: skip
def test_an_odd_reply_is_paid_once_and_is_read_again_from_the_store(
    fault: str, tmp_path: Path
) -> None:
    with threaded_server(SimulatorConfig(faults={fault: 1.0})) as server:
        first = run(tmp_path, prompts(5), endpoint_at(server))
        second = run(tmp_path, prompts(5), endpoint_at(server))

        assert server.stats().requests == server.stats().answered == 5
    replies = [outcome for outcome in second if isinstance(outcome, Reply)]
    assert [reply.cached for reply in replies] == [True] * 5
    assert [reply.text for reply in replies] == [o.text for o in first if isinstance(o, Reply)]
    halves = {"MAX_TOKENS": "length", "SAFETY": "content_filter", "reasoning_only": fault}
    if fault in halves:
        assert {reply.finish_reason for reply in replies} == {halves[fault]}


@pytest.mark.parametrize(
    ("message", "param", "line"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model. Use "
         "'max_completion_tokens' instead.", "max_tokens",
         "request: {rename: {max_tokens: max_completion_tokens}}"),
        ("`temperature` and `top_p` cannot both be specified for this model.", None,
         "request: {omit: [top_p]}"),
        ("`temperature` is deprecated for this model.", None, "request: {omit: [temperature]}"),
        ("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.", None,
         "request: {omit: [temperature]}"),
        ("Unrecognized request argument supplied: seed", None, "request: {omit: [seed]}"),
        ("top_logprobs: Extra inputs are not permitted", None,
         "request: {omit: [logprobs, top_logprobs]}"),
        ('Unknown name "response_format": Cannot find field.', None,
         "request: {omit: [response_format]}"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_line_that_mends_it(message: str, param: str | None, line: str) -> None:
    endpoint = Endpoint(base_url="http://host/v1", model="m")
    request = ask("x", top_logprobs=5, response_format='{"type":"json_object"}')
    changes = changes_for(Fault(message, param=param), Wire(endpoint), request)

    assert changes is not None
    assert params_line(endpoint, changes) == line


def test_a_refusal_of_what_was_said_names_no_line() -> None:
    wire = Wire(Endpoint(base_url="http://host/v1", model="m"))
    fault = Fault("This model's maximum context length is 4096 tokens, you sent 5000.")

    assert changes_for(fault, wire, ask("x")) is None


def test_a_refusal_of_ones_own_extra_names_it() -> None:
    request = RequestChanges(extra={"reasoning_efort": "low"})
    endpoint = Endpoint(base_url="http://host/v1", model="m", request=request)
    fault = Fault("Unrecognized request argument supplied: reasoning_efort")
    refused = Refused("bad_request", fault.message, fault)

    error = refused_error(endpoint, refused, endpoint.changes, refused)

    assert "take out `reasoning_efort`" in error.remedy


def test_a_path_that_is_not_there_is_no_missing_model_alone() -> None:
    body = b'{"error": {"message": "Unknown request URL: POST /v1/chat/completions."}}'
    endpoint = Endpoint(base_url="http://host/v1", model="claude")
    answer = classify(endpoint, 404, {}, body)

    assert isinstance(answer, Stop)
    assert "`dialect`" in answer.error.remedy


def test_what_an_endpoint_already_leaves_out_stays_in_the_line() -> None:
    request = RequestChanges(omit=("seed",), extra={"top_k": 5})
    endpoint = Endpoint(base_url="http://host/v1", model="m", request=request)
    changes = endpoint.changes.plus(RequestChanges(omit=("top_p",)))

    assert params_line(endpoint, changes) == "request: {omit: [seed, top_p], extra: {top_k: 5}}"


@pytest.mark.parametrize(
    ("body", "message", "status"),
    [
        (b'{"error": {"message": "no", "code": "400"}}', "no", 400),
        (b'[{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}]', "slow",
         429),
        (b'{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}', "busy",
         529),
        (b'{"error": "model not loaded"}', "model not loaded", None),
        (b'{"detail": "Not Found"}', "Not Found", None),
        (b'{"object": "error", "message": "bad", "code": 400}', "bad", 400),
        (b"<html><style>p {}</style><h1>502 Bad</h1></html>", "502 Bad", None),
        (b"oops", "oops", None),
    ],
)  # fmt: skip
def test_the_errors_of_many_servers_are_read(body: bytes, message: str, status: int | None) -> None:
    fault = read_fault(body)

    assert (fault.message, fault.status) == (message, status)
