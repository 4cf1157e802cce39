"""Ctrl-C and SIGTERM in the middle of a stage's calls."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from prefline.simulator import Latency, SimulatedServer, SimulatorConfig
from tests.flows.projects import make_project, with_prompts
from tests.flows.stages import finish, set_params, start, stored_bodies, wait_until
from tests.forked import ForkedProcess
from tests.simulated import threaded_server

pytestmark = pytest.mark.timeout(180)

SAMPLES = 40
CALLS = 12 * SAMPLES
LATENCY_S = 2.0
WAYS = [
    pytest.param([signal.SIGINT], id="ctrl-c"),
    pytest.param([signal.SIGTERM], id="term"),
    pytest.param([signal.SIGINT, signal.SIGINT], id="ctrl-c twice"),
]


@pytest.fixture
def slow() -> Iterator[SimulatedServer]:
    """A provider that takes two seconds for a call."""
    with threaded_server(SimulatorConfig(latency=Latency(ms=1_000 * LATENCY_S))) as server:
        yield server


@pytest.fixture(scope="module")
def fast() -> Iterator[SimulatedServer]:
    """The same provider without that latency."""
    with threaded_server() as server:
        yield server


@dataclass
class End:
    """How an interrupted process ended."""

    child: ForkedProcess
    said: str
    took_s: float
    told_at: float


def interrupt(child: ForkedProcess, signals: list[signal.Signals]) -> End:
    """Send signals a second apart, and wait for the end."""
    told_at, started = time.time(), time.monotonic()
    for number in signals:
        if number is not signals[0]:
            time.sleep(1.0)
        child.send_signal(number)
    _, said = child.communicate(timeout=60)
    return End(child, said, time.monotonic() - started, told_at)


@pytest.mark.parametrize("signals", WAYS)
def test_a_stage_that_is_told_to_stop_ends_soon_keeps_what_came_and_goes_on_from_there(
    signals: list[signal.Signals],
    slow: SimulatedServer,
    fast: SimulatedServer,
    prefect_api: str,
    project_folder: Path,
) -> None:
    many = {"samples_per_prompt": SAMPLES}
    project = with_prompts(make_project(project_folder, slow.base_url, generate=many))
    child = start(project, "generate", api=prefect_api)
    assert wait_until(lambda: slow.stats().answered > 0 and slow.stats().in_flight > 40, child)
    family, came = psutil.Process(child.pid).children(recursive=True), slow.stats().answered
    end = interrupt(child, signals)
    stored = stored_bodies(project, "generate")

    assert end.child.returncode == 130, end.said
    assert end.took_s < 5.0
    assert "run the same command again" in end.said
    assert "Traceback" not in end.said
    assert not [one for one in family if one.is_running()]
    assert not [one for one in slow.log() if one.at > end.told_at + 0.5]
    assert 0 < len(stored) < CALLS
    if len(signals) == 1:  # whatever was asked came within the grace
        assert len(stored) == slow.stats().requests
    else:
        assert len(stored) >= came

    before = len(fast.log())
    set_params(project, "generate", endpoints=[{"base_url": fast.base_url, "model": "sim-strong"}])
    finish(project, "generate")
    asked = {entry.body for entry in fast.log()[before:]}

    assert len(asked) == CALLS - len(stored)
    assert not asked & stored
