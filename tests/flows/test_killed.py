"""`kill -9` at random moments, and two runs at once on one reply store."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefline.simulator import (
    Generator,
    Judge,
    Latency,
    SimulatedServer,
    SimulatorConfig,
)
from tests.flows.projects import make_project, with_prompts
from tests.flows.stages import PaidOnce, finish, requests_of, set_params, start, wait_until
from tests.forked import fork_server
from tests.simulated import threaded_server

pytestmark = pytest.mark.timeout(180)

STAGES = ("generate", "judge")
SAMPLES = 6
# Faults that a retry mends; a part of the verdicts is unreadable, a part of the texts is cut.
PROVIDER = SimulatorConfig(
    generators={"sim-strong": Generator(characters=200, spread=1.0)},
    judges={"sim-judge": Judge(accuracy=0.8, invalid_rate=0.05)},
    latency=Latency(distribution="uniform", ms=40, spread=30),
    faults={"500": 0.05, "cut_off": 0.05},
)
PARAMS = {
    "generate": {"samples_per_prompt": SAMPLES, "max_tokens": 60, "shard_size": SAMPLES},
    "judge": {"shard_size": 10},
}


def bytes_of(project: Path) -> dict[str, bytes]:
    """Every file of the tables that `generate` and `judge` write."""
    return {
        str(path.relative_to(project)): path.read_bytes()
        for table in ("responses", "judgments", "rejections")
        for path in sorted((project / "data" / table).rglob("*"))
        if path.is_file()
    }


def project_at(folder: Path, url: str, **engine: float) -> Path:
    """A project whose every call is made in the end, whatever faults it meets."""
    engine = {"max_tries": 20, "max_back_off_s": 0.05, "timeout_s": 10} | engine
    endpoint = {"base_url": url, "model": "sim-judge"}
    judges = [
        {"name": "verifier", "method": "verifier"},
        {"name": "sim", "method": "pairwise", "endpoint": endpoint},
        # Its second call follows from the reply to the first.
        {"name": "why", "method": "reasoned", "endpoint": endpoint, "max_pairs": 15},
    ]
    judge = PARAMS["judge"] | {"judges": judges}
    return with_prompts(make_project(folder, url, engine=engine, **PARAMS | {"judge": judge}))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tables of a run that nobody disturbed."""
    with threaded_server(PROVIDER) as server:
        folder = tmp_path_factory.mktemp("undisturbed") / "project"
        project = project_at(folder, server.base_url, max_in_flight=37)
        for stage in STAGES:
            finish(project, stage)
    return bytes_of(project)


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    """A provider of the test's own, with its own log."""
    with threaded_server(PROVIDER) as running:
        yield running


class Killer:
    """Kills a stage's processes in the middle of their work, and watches the rule."""

    def __init__(self, server: SimulatedServer, project: Path, stage: str) -> None:
        self._server = server
        self._draw = random.Random(f"{stage} {project.name}")
        self.rule = PaidOnce(server, project, stage)
        self._project, self._stage = project, stage
        self.stored = [self.rule.note()]

    def kill(self, most_answers: int, **how: str) -> None:
        """Start the stage, let some calls be answered, wait a moment more, kill."""
        child = start(self._project, self._stage, **how)
        wanted = self._server.stats().answered + self._draw.randint(1, most_answers)
        under_way = wait_until(lambda: self._server.stats().answered >= wanted, child)
        time.sleep(self._draw.uniform(0, 0.05))
        child.kill()
        said = child.communicate()
        assert under_way, said
        assert child.returncode == -signal.SIGKILL, said
        self.stored.append(self.rule.note())

    def finish(self, **how: str) -> None:
        """Run the stage to its end and see that nothing was asked again."""
        finish(self._project, self._stage, **how)
        calls = len(requests_of(self._project, self._stage))
        assert self.stored == sorted(self.stored)
        assert 0 < self.stored[-1] < calls, "the kills did not hit the middle of the work"
        assert self.rule.note() == calls
        assert not self.rule.asked_again()


def test_killed_again_and_again_a_stage_makes_the_same_tables_and_asks_nothing_again(
    server: SimulatedServer, undisturbed: dict[str, bytes], project_folder: Path
) -> None:
    project = project_at(project_folder, server.base_url, max_in_flight=4)
    for stage, kills, most_answers in (("generate", 6, 10), ("judge", 6, 25)):
        killer = Killer(server, project, stage)
        for _ in range(kills):
            killer.kill(most_answers)
        killer.finish()

    assert bytes_of(project) == undisturbed
    assert not list((project / "data").glob(".*.draft")), "what the killed left is removed"


def test_killed_under_prefect_it_is_the_same(
    server: SimulatedServer, undisturbed: dict[str, bytes], prefect_api: str, project_folder: Path
) -> None:
    project = project_at(project_folder, server.base_url, max_in_flight=4)
    for stage, kills in (("generate", 2), ("judge", 1)):
        killer = Killer(server, project, stage)
        for _ in range(kills):
            killer.kill(25, api=prefect_api)
        killer.finish(api=prefect_api)

    assert bytes_of(project) == undisturbed


def test_two_at_once_on_one_store_make_the_same_tables_and_a_third_asks_nothing(
    server: SimulatedServer, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    projects = [
        project_at(tmp_path / name, server.base_url, max_in_flight=most)
        for name, most in (("one", 3), ("two", 5), ("three", 4))
    ]
    replies = projects[0] / ".prefline" / "replies.db"
    for other in projects[1:]:
        (other / ".prefline").mkdir(exist_ok=True)
        (other / ".prefline" / "replies.db").symlink_to(replies)
    killer = Killer(server, projects[0], "generate")
    killer.kill(30)  # so that there is something to be found
    both = [start(project, "generate") for project in projects[:2]]
    said = [child.communicate() for child in both]
    assert [child.returncode for child in both] == [0, 0], said
    killer.rule.note()
    asked = server.stats().requests
    finish(projects[2], "generate")

    assert server.stats().requests == asked
    assert not killer.rule.asked_again()
    for project in projects:
        assert bytes_of(project).items() <= undisturbed.items()


def test_of_four_processes_one_is_killed_another_does_its_range_and_the_tables_are_the_same(
    server: SimulatedServer, undisturbed: dict[str, bytes], prefect_api: str, project_folder: Path
) -> None:
    project = project_at(project_folder, server.base_url, max_in_flight=1)
    set_params(project, "run", shards=4)
    set_params(project, "shards", processes=4)
    rule = PaidOnce(server, project, "generate")
    child = start(project, "generate", api=prefect_api, PREFLINE_FORK_SERVER=fork_server())

    def statuses() -> list[dict[str, Any]]:
        found = (project / ".prefline/shards/generate").glob("*.status/generate.json")
        return [json.loads(path.read_bytes()) for path in found]

    def all_have_begun() -> bool:
        return len(statuses()) == 4 and server.stats().answered > 4

    under_way = wait_until(all_have_begun, child)
    # The one that began last has most left to do.
    last = max(statuses(), key=lambda status: status["started_at"])
    if under_way:
        os.kill(last["process"], signal.SIGKILL)
    stored = rule.note()
    said = child.communicate()
    assert under_way, said
    whole = json.loads((project / ".prefline/status/generate.json").read_bytes())

    assert child.returncode == 0, said
    assert 0 < stored < 12 * SAMPLES
    assert not rule.asked_again()
    assert bytes_of(project).items() <= undisturbed.items()
    assert whole["done"] == whole["total"] == 12 * SAMPLES, "all shards are seen as one"
    assert f"{12 * SAMPLES} calls in" in said[0]
    assert not list((project / ".prefline/shards").iterdir())
