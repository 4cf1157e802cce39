"""What each fault looks like to a client, over real HTTP."""

import http.client
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.simulator import SimulatedServer, SimulatorConfig, quality_of, simulated_server
from prefline.simulator.faults import FAULTS, STATUS_FAULTS, FaultPlan
from prefline.simulator.journal import body_hash
from tests.prefline.simulator.client import Client, Reply, prompt
from tests.simulated import threaded_server

RATES = {name: 0.8 / len(FAULTS) for name in FAULTS}
HUGE = 3 * 2**20
_unique = count()


@pytest.fixture(scope="module")
def faulty() -> Iterator[SimulatedServer]:
    config = SimulatorConfig(faults=RATES, huge_body_bytes=HUGE, fault_retry_after_s=2.5)
    with threaded_server(config) as server:
        yield server


@pytest.fixture
def client(faulty: SimulatedServer) -> Iterator[Client]:
    with closing(Client(faulty)) as opened:
        yield opened


def request_that_meets(*faults: str | None) -> bytes:
    """Return a new request whose first, second ... attempts meet these faults."""
    plan = FaultPlan(RATES, seed=0)
    for number in _unique:
        raw = orjson.dumps(prompt(f"Question {number}"))
        body = body_hash(raw)
        if all(plan.draw(body, at) == fault for at, fault in enumerate(faults)):
            return raw
    raise AssertionError("unreachable")


def meet(client: Client, fault: str) -> Reply:
    reply = client.chat(request_that_meets(fault))
    assert client.server.log()[-1].fault == fault
    return reply


@pytest.mark.parametrize("name", STATUS_FAULTS)
def test_a_status_fault_has_its_status_and_openais_shape(client: Client, name: str) -> None:
    reply = meet(client, name)
    assert reply.status == int(name)
    assert reply.json["error"].keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize("name", ["429", "503", "529"])
def test_a_planted_overload_says_when_to_return(client: Client, name: str) -> None:
    headers = meet(client, name).headers
    assert (headers["Retry-After"], headers["retry-after-ms"]) == ("3", "2500")


def test_html200_is_a_page(client: Client) -> None:
    reply = meet(client, "html200")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html")
    assert reply.raw.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("name", ["invalid_json", "truncated_json"])
def test_invalid_json_comes_with_status_200(client: Client, name: str) -> None:
    reply = meet(client, name)
    assert reply.status == 200
    assert int(reply.headers["Content-Length"]) == len(reply.raw)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(reply.raw)


def test_empty_choices_null_content_and_refusal(client: Client) -> None:
    assert meet(client, "empty_choices").json["choices"] == []
    null = meet(client, "null_content").json["choices"][0]
    assert (null["message"]["content"], null["message"]["refusal"]) == (None, None)
    refusal = meet(client, "refusal").json["choices"][0]["message"]
    assert refusal["content"] is None
    assert refusal["refusal"]


@pytest.mark.parametrize("name", ["length", "content_filter"])
def test_half_of_the_text_comes_with_its_finish_reason(client: Client, name: str) -> None:
    choice = meet(client, name).json["choices"][0]
    assert choice["finish_reason"] == name
    assert quality_of(choice["message"]["content"]) is not None


def test_reset_and_disconnect_end_the_connection_before_an_answer(client: Client) -> None:
    with pytest.raises(ConnectionResetError, match="reset by peer"):
        meet(client, "reset")
    with pytest.raises(http.client.RemoteDisconnected):
        meet(client, "disconnect")


def test_cut_off_ends_inside_the_body(client: Client) -> None:
    with pytest.raises(http.client.IncompleteRead):
        meet(client, "cut_off")


def test_huge_body_is_as_large_as_configured(client: Client) -> None:
    assert len(meet(client, "huge_body").raw) >= HUGE


def test_hang_never_answers_and_the_server_still_ends() -> None:
    with (
        simulated_server(SimulatorConfig(faults={"hang": 1.0})) as server,
        closing(http.client.HTTPConnection(server.base_url.split("/")[2], timeout=0.2)) as raw,
    ):
        raw.request("POST", "/v1/chat/completions", orjson.dumps(prompt("x")))
        with pytest.raises(TimeoutError):
            raw.getresponse()
        assert server.stats().in_flight == 1
        assert server.log()[0].status == 0
        # The client still waits while the server is told to stop.
        raw.sock.settimeout(5)
        os.kill(server.pid, signal.SIGTERM)
        assert raw.sock.recv(1) == b""


def test_a_hanging_request_whose_client_leaves_is_no_longer_in_flight() -> None:
    with threaded_server(SimulatorConfig(faults={"hang": 1.0})) as server:
        with closing(http.client.HTTPConnection(server.base_url.split("/")[2], timeout=0.1)) as raw:
            raw.request("POST", "/v1/chat/completions", orjson.dumps(prompt("x")))
            with pytest.raises(TimeoutError):
                raw.getresponse()
        deadline = time.monotonic() + 5
        while server.stats().in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.stats().in_flight == 0
        assert server.stats().answered == 0


def test_a_retry_after_faults_succeeds_and_is_no_duplicate(client: Client) -> None:
    raw = request_that_meets("500", "429", None)
    assert [client.chat(raw).status for _ in range(4)] == [500, 429, 200, 200]
    entries = [e for e in client.server.log() if e.body == f"{body_hash(raw):016x}"]
    assert [(e.attempt, e.answered) for e in entries][:3] == [(0, False), (1, False), (2, False)]
    # A fourth request for what was answered is one.
    assert entries[3].answered


@given(st.integers(0, 2**64 - 1), st.integers(0, 9), st.integers(0, 99))
def test_a_fault_is_a_function_of_body_attempt_and_seed(body: int, at: int, seed: int) -> None:
    assert FaultPlan(RATES, seed).draw(body, at) == FaultPlan(RATES, seed).draw(body, at)


def test_faults_strike_at_their_rates() -> None:
    rates = {"500": 0.1, "reset": 0.05, "hang": 0.0}
    drawn = Counter(FaultPlan(rates, 1).draw(body, 0) for body in range(10_000))
    assert drawn["500"] / 10_000 == pytest.approx(0.1, abs=0.015)
    assert drawn["reset"] / 10_000 == pytest.approx(0.05, abs=0.01)
    assert drawn["hang"] == 0


@pytest.mark.parametrize(
    ("rates", "problem"),
    [
        ({"resett": 0.1}, "did you mean 'reset'"),
        ({"500": 1.5}, "not between 0 and 1"),
        ({"500": 0.6, "reset": 0.6}, "add up to 1.2"),
    ],
)
def test_bad_rates_are_refused(rates: dict[str, float], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        SimulatorConfig(faults=rates)
