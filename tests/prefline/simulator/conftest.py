"""One server with the default config for all tests here, and a client of it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from prefline.simulator import SimulatedServer, SimulatorConfig
from tests.prefline.simulator.client import Client
from tests.simulated import threaded_server


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatedServer]:
    with threaded_server(SimulatorConfig()) as server:
        yield server


@pytest.fixture
def client(simulator: SimulatedServer) -> Iterator[Client]:
    with closing(Client(simulator)) as client:
        yield client
