"""One Prefect server and one simulated provider for all tests of flows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prefline.prefect_server import api_url
from prefline.project import Project
from prefline.simulate import Generator, Judge, SimulatedServer, SimulatorConfig, simulated_server


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a Prefect server of the tests' own; it ends soon after they do."""
    return api_url(Project(tmp_path_factory.mktemp("prefect")), idle_s=5.0)


@pytest.fixture(scope="session")
def provider() -> Iterator[SimulatedServer]:
    """A provider whose judge is right in eight of ten and likes what it sees first."""
    config = SimulatorConfig(
        generators={"sim-strong": Generator(characters=200)},
        judges={"sim-judge": Judge(accuracy=0.8, position_bias=1.0)},
    )
    with simulated_server(config) as server:
        yield server


@pytest.fixture
def project_folder(tmp_path: Path) -> Path:
    """Where a test's project goes."""
    return tmp_path / "project"
