"""Shards done by workers of a Prefect work pool, and by tasks of Ray: minutes, so not in every run
of the tests (`make test-workers`, `make test-ray`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from flows.runtime.dvc import environment
from prefline.simulator import SimulatedServer
from tests.flows.projects import ROOT
from tests.flows.stages import PaidOnce, finish, set_params, start
from tests.flows.test_killed import PROVIDER, SAMPLES, STAGES, bytes_of, project_at
from tests.simulated import threaded_server

pytestmark = pytest.mark.timeout(600)

WORKERS, SHARDS = 4, 8


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    with threaded_server(PROVIDER) as running:
        yield running


def of_one_process(folder: Path, server: SimulatedServer, *stages: str) -> dict[str, bytes]:
    """The tables of the stages without shards."""
    project = project_at(folder, server.base_url, max_in_flight=30)
    for stage in stages:
        finish(project, stage)
    return bytes_of(project)


@contextmanager
def worker(project: Path, name: str, env: dict[str, str]) -> Iterator[psutil.Process]:
    """A worker of the pool `prefline`, which does one shard at a time."""
    command = ["worker", "start", "--pool", "prefline", "--limit", "1", "--name", name]
    with (project / f"worker-{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *command],
            cwd=project, env=env, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def kill_with_all_it_runs(worker: psutil.Process) -> None:
    """Take the power away."""
    for process in (worker, *worker.children(recursive=True)):
        process.kill()


@pytest.mark.skipif("PREFLINE_TEST_WORKERS" not in os.environ, reason="make test-workers")
def test_of_four_workers_one_is_killed_in_mid_shard_and_the_tables_are_those_of_one_process(
    server: SimulatedServer, prefect_api: str, project_folder: Path, tmp_path: Path
) -> None:
    undisturbed = of_one_process(tmp_path / "one", server, "generate")
    project = project_at(project_folder, server.base_url, max_in_flight=1)
    set_params(project, "run", executor="prefect", shards=SHARDS)
    shutil.copy(ROOT / "prefect.yaml", project)
    env = environment() | {"PREFECT_API_URL": prefect_api, "PREFLINE_HOME": str(project)}
    for command in (
        ["--no-prompt", "work-pool", "create", "prefline", "--type", "process", "--overwrite"],
        ["--no-prompt", "deploy", "--name", "shard"],
    ):
        subprocess.run(
            [sys.executable, "-m", "prefect", *command], cwd=project, env=env, check=True
        )
    rule = PaidOnce(server, project, "generate")

    def at_work() -> set[int]:
        found = (project / ".prefline/shards/generate").glob("*.status/generate.json")
        return {json.loads(path.read_bytes())["process"] for path in found}

    with ExitStack() as stack:
        workers = [stack.enter_context(worker(project, str(n), env)) for n in range(WORKERS)]
        asked = server.stats().answered
        child = start(project, "generate", api=prefect_api)
        while child.poll() is None and server.stats().answered < asked + SAMPLES:
            time.sleep(0.05)
        first = next(
            one for one in workers for each in one.children(recursive=True) if each.pid in at_work()
        )
        kill_with_all_it_runs(first)
        stored = rule.note()
        said = child.communicate()

    assert child.returncode == 0, said
    assert 0 < stored < 12 * SAMPLES
    assert not rule.asked_again()
    assert bytes_of(project) == undisturbed


@pytest.mark.ray
@pytest.mark.filterwarnings("default")
def test_tasks_of_ray_make_the_tables_of_one_process(
    server: SimulatedServer, prefect_api: str, project_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="needs the extra `ray`")
    undisturbed = of_one_process(tmp_path / "one", server, *STAGES)
    project = project_at(project_folder, server.base_url, max_in_flight=4)
    set_params(project, "run", executor="ray", shards=2)
    for stage in STAGES:
        finish(project, stage, api=prefect_api)
    assert bytes_of(project) == undisturbed
