"""Shards on machines that share nothing but an object store (S3), one of which is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flows.runtime import shard_workers
from flows.runtime.shard_runs import Json, ShardProject
from flows.runtime.shard_workers import Submit
from prefline.llm import ReplyStore
from prefline.project import Project
from prefline.simulator import SimulatedServer
from prefline.simulator.journal import body_hash
from prefline.storage import open_store
from tests.flows import without_prefect
from tests.flows.stages import requests_of, set_params
from tests.flows.test_killed import PROVIDER, STAGES, bytes_of, project_at
from tests.forked import ForkedProcess, start_python
from tests.s3_server import S3Server
from tests.simulated import threaded_server

pytestmark = pytest.mark.timeout(180)


@dataclass
class Machine:
    """A clone at `folder`, in which shards work, each in a process of its own."""

    folder: Path
    is_up: bool = True
    processes: list[ForkedProcess] = field(default_factory=list)

    def start(self, parameters: Json) -> ForkedProcess:
        """Start the flow `shard` as a worker does."""
        script = str(Path(without_prefect.__file__))
        process = start_python(
            script, "shard", json.dumps(parameters),
            cwd=self.folder, env=os.environ | {"PREFLINE_HOME": str(self.folder)},
        )  # fmt: skip
        self.processes.append(process)
        return process

    def kill(self) -> None:
        """Take the power away."""
        self.is_up = False
        for process in self.processes:
            process.kill()

    def sent(self) -> set[str]:
        """The keys of the replies that its shards are known to have sent."""
        sent = set[str]()
        for path in self.folder.glob(".prefline/runs/*/.prefline/shards/generate/*.sent"):
            last = int(path.read_text())
            if last:
                with closing(sqlite3.connect(path.with_suffix(".db"))) as store:
                    rows = store.execute("SELECT key FROM replies WHERE id <= ?", [last])
                    sent |= {key for (key,) in rows}
        return sent


@dataclass
class MachineShard:
    """A shard on one of the machines; the first machine is killed once it has sent something."""

    process: ForkedProcess
    doomed: Machine
    sent: set[str]
    seen: Any

    def has_ended(self) -> bool:
        if self.doomed.is_up and len(self.doomed.sent()) > 1:
            self.doomed.kill()
            for process in self.doomed.processes:
                process.wait()
            self.seen()
            self.sent |= self.doomed.sent()
        return self.process.poll() is not None

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def wait(self, timeout: float) -> None:
        self.process.wait(timeout or None)

    def problem(self) -> str | None:
        return None


@contextmanager
def _machines(machines: list[Machine], sent: set[str], seen: Any) -> Iterator[Submit]:
    turn = iter(range(1_000))

    def submit(_: ShardProject, parameters: Json) -> MachineShard:
        up = [machine for machine in machines if machine.is_up]
        process = up[next(turn) % len(up)].start(parameters)
        return MachineShard(process, machines[0], sent, seen)

    yield submit


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[list[Machine]]:
    """Two machines, whose clones have no more than what makes them projects."""
    machines = [Machine(tmp_path / name) for name in ("first", "second")]
    yield machines
    for process in (one for machine in machines for one in machine.processes):
        process.kill()
        process.communicate()


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    with threaded_server(PROVIDER) as running:
        yield running


def test_what_a_killed_machine_had_sent_is_not_bought_again_and_tables_are_those_of_one_process(
    server: SimulatedServer,
    machines: list[Machine],
    s3_server: S3Server,
    project_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = project_at(project_folder, server.base_url, max_in_flight=1)
    for machine in machines:
        machine.folder.mkdir()
        for name in ("dvc.yaml", "params.yaml"):
            shutil.copy(project / name, machine.folder / name)
    sent, log_at = set[str](), list[int]()
    monkeypatch.setattr(
        shard_workers,
        "_prefect",
        lambda: _machines(machines, sent, lambda: log_at.append(len(server.log()))),
    )
    shared = f"s3://{s3_server.new_prefix()}"
    set_params(project, "run", executor="prefect", shards=3, store=shared, send_every_s=0.3)
    set_params(project, "shards", processes=1)
    monkeypatch.chdir(project)
    for name in without_prefect.STAND_INS:
        for module in ("generate", "judge", "runtime.model_calls", "runtime.shard_runs"):
            monkeypatch.setattr(
                f"flows.{module}.{name}", without_prefect.STAND_INS[name], raising=False
            )
    for stage in STAGES:
        without_prefect.run(stage)

    bodies = {one.key: f"{body_hash(one.encoded):016x}" for one in requests_of(project, "generate")}
    again = {entry.body for entry in server.log()[log_at[0] :]}
    assert sent
    assert not {bodies[key] for key in sent} & again
    with ReplyStore(Project(project).replies) as store:
        for stage in STAGES:
            assert all(one.key in store for one in requests_of(project, stage))
    assert not list(open_store(shared).list("")), "nothing is left there"
    of_machines = bytes_of(project)
    set_params(project, "run", executor="local", shards=1)
    asked = len(server.log())
    for stage in STAGES:
        without_prefect.run(stage)
    assert bytes_of(project) == of_machines
    assert len(server.log()) == asked, "every reply has come to the stage's own store"
