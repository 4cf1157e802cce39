"""The spend limit over a whole run: `generate` and `judge` together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prefline.simulator import (
    Generator,
    Latency,
    SimulatedServer,
    SimulatorConfig,
)
from tests.flows.projects import make_project, run_dvc
from tests.flows.stages import PaidOnce, requests_of, set_params, stored_bodies
from tests.simulated import threaded_server

pytestmark = pytest.mark.timeout(240)

PRICES = {"input": 10.0, "output": 30.0}  # USD per million tokens
CALLS = 12 * 4
LIMIT_USD = 0.15
ENGINE = {"max_tries": 20, "max_back_off_s": 0.05, "spend_limit_usd": LIMIT_USD}


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    """A provider that bills, some answers for nothing."""
    faults = {"empty_choices": 0.05, "500": 0.05}
    config = SimulatorConfig(
        generators={"sim-strong": Generator(characters=200)},
        latency=Latency(ms=10),
        faults=faults,
    )
    with threaded_server(config) as running:
        yield running


def billed_usd(server: SimulatedServer) -> float:
    """What the provider's own count comes to."""
    stats = server.stats()
    cost = stats.prompt_tokens * PRICES["input"] + stats.completion_tokens * PRICES["output"]
    return cost / 1e6


def priced(project: Path, server: SimulatedServer) -> Path:
    """The project with models that cost something."""
    at = {"base_url": server.base_url, "prices": PRICES}
    judge = at | {"model": "sim-judge"}
    set_params(project, "generate", endpoints=[at | {"model": "sim-strong"}])
    set_params(project, "judge", judges=[{"name": "sim", "method": "pairwise", "endpoint": judge}])
    return project


def test_a_run_stays_below_its_limit_and_the_next_one_pays_what_is_missing(
    server: SimulatedServer, prefect_api: str, project_folder: Path
) -> None:
    project = priced(make_project(project_folder, server.base_url, engine=ENGINE), server)
    first = run_dvc(project, "repro", "judge", api=prefect_api)
    spent = billed_usd(server)
    at_generate = len(stored_bodies(project, "generate"))
    rule = PaidOnce(server, project, "judge")
    judged = rule.note()

    assert "`judge`" not in first.stdout
    assert "exited with 3" in first.stdout + first.stderr
    assert "spent by earlier stages of this run" in first.stderr
    assert "raise engine.spend_limit_usd" in first.stderr
    assert "Traceback" not in first.stdout + first.stderr
    assert 0.8 * LIMIT_USD < spent <= LIMIT_USD
    assert at_generate == CALLS
    assert 0 < judged < len(requests_of(project, "judge"))

    set_params(project, "engine", spend_limit_usd=10 * LIMIT_USD)
    second = run_dvc(project, "repro", "judge", api=prefect_api)

    assert second.returncode == 0, second.stdout + second.stderr
    assert rule.note() == len(requests_of(project, "judge"))
    assert not rule.asked_again()
    assert server.stats().duplicates == 0
    assert billed_usd(server) <= 11 * LIMIT_USD
