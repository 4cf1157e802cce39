"""One Prefect server and one simulated provider for all tests of flows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.runtime.prefect_server import api_url
from prefline.project import Project
from prefline.simulator import Generator, Judge, SimulatedServer, SimulatorConfig
from tests.forked import command
from tests.simulated import threaded_server


@pytest.fixture(scope="session")
def prefect_host(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Where the Prefect server of the tests keeps its database and its log."""
    folder = tmp_path_factory.getbasetemp()
    # A worker of pytest-xdist has a folder of its own in the one that all share.
    return Project(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)


@pytest.fixture(scope="session")
def prefect_api(prefect_host: Project) -> str:
    """The URL of a Prefect server of the tests' own, one for all workers; it ends soon after."""
    return api_url(prefect_host, idle_s=5.0)


@pytest.fixture(scope="session")
def provider() -> Iterator[SimulatedServer]:
    """A provider whose judge is right in eight of ten and likes what it sees first."""
    config = SimulatorConfig(
        generators={"sim-strong": Generator(characters=200)},
        judges={"sim-judge": Judge(accuracy=0.8, position_bias=1.0)},
    )
    with threaded_server(config) as server:
        yield server


def forked_dvc(*arguments: str) -> list[str]:
    """The command line of DVC, begun by a fork: its imports take most of a second."""
    return command("-m", "dvc", *arguments)


@pytest.fixture(scope="module")
def dvc_in_forks() -> Iterator[None]:
    """Begin every DVC that the code under test starts by a fork."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.runtime.dvc.command", forked_dvc)
        yield


@pytest.fixture
def project_folder(tmp_path: Path) -> Path:
    """Where a test's project goes."""
    return tmp_path / "project"
