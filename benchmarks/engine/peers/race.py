"""One run of one entrant: a fresh server, a fresh folder, measured and checked."""

from __future__ import annotations

import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine.measure import Cost, measure
from benchmarks.engine.peers.entrants import Entrant
from benchmarks.engine.peers.jobs import JOBS, Options
from benchmarks.engine.peers.outputs import problem
from prefline.simulator import SimulatorConfig, Stats, simulated_server

_SHOWN = 2000
_INHERITED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Run:
    """What a run cost, and what is wrong with it; `load` is the machine's before it began."""

    entrant: str
    job: str
    calls: int
    load: float
    cost: Cost
    problems: tuple[str, ...]


def race(entrant: Entrant, job: str, source: Path, calls: int) -> Run:
    """Run `entrant` on the `calls` calls of `source`."""
    load = os.getloadavg()[0]
    # The server listens at an address of this machine that is no loopback, as one that is
    # elsewhere would: some clients take another way to localhost.
    config = SimulatorConfig(host=own_address())
    with tempfile.TemporaryDirectory(prefix="peers-") as folder, simulated_server(config) as server:
        asked = Options(server.base_url, source, Path(folder, "output"), JOBS[job])
        log = Path(folder, "log")
        cost = measure(_command(entrant, asked, job), log, _environment())
        problems = [*_served(server.stats(), calls), problem(asked, entrant.rows)]
        if cost.status != 0:
            problems.append(f"exit status {cost.status}: {_tail(log)}")
    return Run(entrant.name, job, calls, load, cost, tuple(filter(None, problems)))


def _command(entrant: Entrant, asked: Options, job: str) -> list[str]:
    given = {
        "--base-url": asked.base_url,
        "--input": str(asked.input),
        "--output": str(asked.output),
        "--job": job,
    }
    return [*entrant.argv, *(word for pair in given.items() for word in pair)]


def _served(stats: Stats, calls: int) -> list[str]:
    """What the server counted that should not be."""
    problems = [] if stats.answered == calls else [f"{stats.answered} calls answered"]
    return problems + ([f"{stats.duplicates} calls paid for twice"] if stats.duplicates else [])


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _INHERITED}


def own_address() -> str:
    """The address that this machine has to others. Nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-_SHOWN:]
