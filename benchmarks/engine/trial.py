"""One measured run of `clients.py`, in a fresh process and a fresh folder."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.engine.measure import measure
from benchmarks.engine.results import Result
from prefline.simulator import SimulatedServer

_LIMIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A program of `clients.py`, and how much of what it is to do."""

    program: str
    calls: int
    in_flight: int


def trial(asked: Trial, server: SimulatedServer) -> Result:
    """Run one against a server, with a fresh folder; the server's CPU time stands beside it."""
    with tempfile.TemporaryDirectory(prefix="bench-engine-") as folder:
        before = _cpu_s(server.pid)
        result = run(asked, server.base_url, Path(folder))
    return result | {"server_cpu_s": _cpu_s(server.pid) - before}


def run(asked: Trial, base_url: str, folder: Path) -> Result:
    """Run one in `folder`; `load` is the machine's before it began.

    `took` is what the calls took, as the program itself says; `process` is what the whole
    process cost, imports included. Raises `RuntimeError` if it fails.
    """
    load = os.getloadavg()[0]
    log = folder / "log"
    cost = measure(_command(asked, base_url, folder), log, os.environ, _LIMIT_S)
    said = log.read_text(encoding="utf-8", errors="replace")
    if cost.status != 0:
        raise RuntimeError(f"{asked} ended with status {cost.status}: {said[-2000:]}")
    took = json.loads(said.splitlines()[-1])
    return asdict(asked) | {"load": load, "took": took, "process": asdict(cost)}


def quick(doc: str | None) -> bool:
    """Whether the command line asks for small sizes."""
    parser = argparse.ArgumentParser(description=(doc or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, not for quoting")
    return bool(parser.parse_args().quick)


def _command(asked: Trial, base_url: str, folder: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "benchmarks.engine.clients", asked.program),
        *("--base-url", base_url),
        *("--calls", str(asked.calls)),
        *("--in-flight", str(asked.in_flight)),
        *("--folder", str(folder)),
    ]


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
