"""Clocks that are wrong, and servers that ask for more patience than there is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefline.config import Endpoint, EngineParams
from prefline.errors import EndpointUnreachable
from prefline.llm import Engine, ReplyStore
from prefline.simulator import SimulatedServer, SimulatorConfig
from tests.forked import start_python
from tests.loopback import Answered, Asked, completion, loopback_server, refusal
from tests.prefline.llm.requests import ask
from tests.simulated import threaded_server

SCRIPT = "tests.prefline.llm.run_with_jumping_clock"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def busy() -> Iterator[SimulatedServer]:
    """A provider that often says at which time of day to return."""
    faults = {"429": 0.08, "503": 0.04}
    config = SimulatorConfig(faults=faults, fault_retry_after_s=0.01, retry_after="date")
    with threaded_server(config) as server:
        yield server


@pytest.mark.parametrize("years", [-10, 10], ids=["back", "ahead"])
def test_a_clock_that_jumps_costs_neither_time_nor_replies(
    years: int, busy: SimulatedServer, tmp_path: Path
) -> None:
    started = time.monotonic()
    child = start_python("-m", SCRIPT, busy.base_url, str(tmp_path), str(years), cwd=ROOT)
    said = child.communicate(timeout=60)

    assert said[0] == "60\n", said
    assert time.monotonic() - started < 30


def test_a_server_that_asks_for_more_time_than_a_call_has_stops_the_run(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answered:
        return refusal(429, "no quota until tomorrow", Retry_After="86400")

    params = EngineParams(max_in_flight=4)
    with loopback_server(answer) as url, ReplyStore(tmp_path / "replies.db") as store:
        endpoint = Endpoint(base_url=url, model="sim-strong")
        with (
            Engine([endpoint], params, store) as engine,
            pytest.raises(EndpointUnreachable, match=r"86400 s.*no quota until tomorrow"),
        ):
            list(engine.answer(ask(str(number)) for number in range(100)))


def test_such_a_server_is_left_to_its_replicas(tmp_path: Path) -> None:
    asked = 0

    def answer(_: Asked) -> Answered:
        nonlocal asked
        asked += 1
        return refusal(429, "no quota until tomorrow", Retry_After="86400")

    params = EngineParams(max_in_flight=8)
    with (
        loopback_server(answer) as spent,
        loopback_server(lambda _: completion("yes")) as well,
        ReplyStore(tmp_path / "replies.db") as store,
    ):
        endpoint = Endpoint(base_url=spent, replicas=(well,), model="sim-strong")
        with Engine([endpoint], params, store) as engine:
            outcomes = list(engine.answer(ask(str(number)) for number in range(100)))

    assert len(outcomes) == 100
    assert asked <= 5  # those that were under way when it first said so
