"""Every kind of failure that a server can plant ends as a retry, a row, or one clear stop."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from prefline.config import Endpoint, EngineParams
from prefline.errors import EndpointDenied, EndpointUnreachable
from prefline.llm import Engine, Failure, Outcome, Reply, ReplyStore, Request
from prefline.simulator import (
    Generator,
    Latency,
    SimulatedServer,
    SimulatorConfig,
)
from tests.prefline.llm.requests import ask
from tests.simulated import threaded_server

PARAMS = EngineParams(max_in_flight=16, max_tries=30, max_back_off_s=0.05, timeout_s=5.0)
MODEL = "sim-strong"


def run(
    folder: Path,
    requests: list[Request],
    *endpoints: Endpoint,
    **params: float,
) -> list[Outcome]:
    changed = PARAMS.model_copy(update=params)
    with ReplyStore(folder / "replies.db") as store, Engine(endpoints, changed, store) as engine:
        return list(engine.answer(requests))


def endpoint_at(server: SimulatedServer, *replicas: str, model: str = MODEL) -> Endpoint:
    return Endpoint(base_url=server.base_url, replicas=replicas, model=model)


def forty(model: str = MODEL) -> list[Request]:
    return [ask(f"{model} {n}", model=model) for n in range(40)]


@pytest.fixture
def nowhere() -> Iterator[str]:
    """A URL at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/v1"


@pytest.mark.parametrize(
    "fault", ["502", "504", "529", "disconnect", "cut_off", "invalid_json", "huge_body"]
)
def test_a_passing_fault_costs_a_retry_and_no_reply(fault: str, tmp_path: Path) -> None:
    config = SimulatorConfig(faults={fault: 0.1 if fault == "huge_body" else 0.3})
    with threaded_server(config) as server:
        outcomes = run(tmp_path, forty(), endpoint_at(server))

        assert all(isinstance(outcome, Reply) for outcome in outcomes)
        assert server.stats().by_fault[fault] == server.stats().requests - 40 > 0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("408", "http_408"),
        ("500", "http_500"),
        ("529", "http_529"),
        ("reset", "connection_lost"),
        ("disconnect", "connection_lost"),
        ("cut_off", "connection_lost"),
        ("html200", "not_json"),
        ("invalid_json", "not_json"),
        ("truncated_json", "not_json"),
        ("huge_body", "body_too_long"),
        ("empty_choices", "no_choices"),
        ("null_content", "null_content"),
    ],
)
def test_a_fault_that_does_not_pass_ends_as_a_row_that_names_it(
    fault: str, reason: str, tmp_path: Path
) -> None:
    with threaded_server(SimulatorConfig(faults={fault: 1.0})) as server:
        outcomes = run(tmp_path, [ask("one"), ask("two")], endpoint_at(server), max_tries=2)

        assert server.stats().requests == 4
    for outcome in outcomes:
        assert isinstance(outcome, Failure)
        assert outcome.reason == reason
        assert outcome.detail.startswith("2 tries: ")
        assert len(outcome.detail) < 500
    with ReplyStore(tmp_path / "replies.db") as store:
        assert len(store) == 0


@pytest.mark.parametrize("fault", ["400", "413", "422"])
def test_a_request_that_is_refused_is_a_row_and_is_not_tried_again(
    fault: str, tmp_path: Path
) -> None:
    with threaded_server(SimulatorConfig(faults={fault: 0.3})) as server:
        outcomes = run(tmp_path, forty(), endpoint_at(server))
        refused = [one for one in outcomes if isinstance(one, Failure)]

        assert server.stats().requests == 40
        assert len(refused) == server.stats().by_fault[fault] > 0
    assert {one.reason for one in refused} == {"bad_request"}
    assert all(f"HTTP {fault}" in one.detail for one in refused)


@pytest.mark.parametrize("fault", ["refusal", "length", "content_filter"])
def test_an_answer_of_little_worth_is_a_reply_that_says_so_and_is_paid_once(
    fault: str, tmp_path: Path
) -> None:
    with threaded_server(SimulatorConfig(faults={fault: 1.0})) as server:
        for _ in range(2):
            outcomes = run(tmp_path, forty(), endpoint_at(server))
            assert [o.finish_reason for o in outcomes if isinstance(o, Reply)] == [fault] * 40

        assert server.stats().requests == 40


@pytest.mark.parametrize("status", ["402", "403"])
def test_no_credit_and_no_permission_stop_the_run(status: str, tmp_path: Path) -> None:
    with threaded_server(SimulatorConfig(faults={status: 1.0})) as server:
        with pytest.raises(EndpointDenied, match=status):
            run(tmp_path, forty(), endpoint_at(server))

        # One more tells a refused key from a refused record.
        assert server.stats().requests <= PARAMS.max_in_flight + 1


def test_a_server_that_only_fails_stops_the_run_and_is_not_hammered(tmp_path: Path) -> None:
    many = [ask(str(n)) for n in range(2_000)]
    with threaded_server(SimulatorConfig(faults={"500": 1.0})) as server:
        with pytest.raises(EndpointUnreachable, match="http_500"):
            run(tmp_path, many, endpoint_at(server), max_tries=4)

        assert server.stats().requests < 50


def test_where_one_of_two_models_is_down_the_other_s_calls_are_made_first(tmp_path: Path) -> None:
    good = SimulatorConfig(generators={"good": Generator()}, latency=Latency(ms=20))
    bad = SimulatorConfig(generators={"bad": Generator()}, faults={"500": 1.0})
    requests = [one for pair in zip(forty("good"), forty("bad"), strict=True) for one in pair]
    with threaded_server(good) as well, threaded_server(bad) as ill:
        both = (endpoint_at(well, model="good"), endpoint_at(ill, model="bad"))
        with pytest.raises(EndpointUnreachable, match=ill.base_url):
            run(tmp_path, requests, *both, max_tries=4)

        assert well.stats().answered == 40
    with ReplyStore(tmp_path / "replies.db") as store:
        assert len(store) == 40


@pytest.mark.parametrize("first", [True, False], ids=["the first", "a later one"])
def test_a_replica_that_is_gone_costs_no_reply(first: bool, tmp_path: Path, nowhere: str) -> None:
    with threaded_server(SimulatorConfig(latency=Latency(ms=5))) as server:
        urls = [nowhere, server.base_url] if first else [server.base_url, nowhere]
        endpoint = Endpoint(base_url=urls[0], replicas=(urls[1],), model=MODEL)
        outcomes = run(tmp_path, forty(), endpoint, max_tries=6)

    assert all(isinstance(outcome, Reply) for outcome in outcomes), outcomes


@pytest.mark.parametrize("fault", ["500", "reset", "html200"])
def test_a_replica_that_only_fails_costs_no_reply(fault: str, tmp_path: Path) -> None:
    many = [ask(str(n)) for n in range(300)]
    with ExitStack() as running:
        well = running.enter_context(threaded_server(SimulatorConfig(latency=Latency(ms=5))))
        ill = running.enter_context(threaded_server(SimulatorConfig(faults={fault: 1.0})))
        endpoint = endpoint_at(well, ill.base_url)
        outcomes = run(tmp_path, many, endpoint, max_tries=6)

        failed = [one for one in outcomes if isinstance(one, Failure)]
        assert not failed, failed[:3]
        assert well.stats().answered == 300
