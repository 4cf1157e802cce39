"""One server with the default config for all tests here, and a client of it."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from simulate_client import Client

from prefline.simulator import SimulatedServer, SimulatorConfig, simulated_server


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatedServer]:
    with simulated_server(SimulatorConfig()) as server:
        yield server


@pytest.fixture
def client(simulator: SimulatedServer) -> Iterator[Client]:
    with closing(Client(simulator)) as opened:
        yield opened
