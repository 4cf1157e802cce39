"""What is measured: programs that make N calls and say what these took, imports left out.

    python -m benchmarks.engine.clients engine --base-url URL --calls N --in-flight N --folder F

Prints one JSON line: calls, wall_s, cpu_s (user and system, of this process), peak_mb.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.engine.aiohttp_client import engine_over_aiohttp
from benchmarks.engine.bare import aiohttp_loop, aiohttp_on_uvloop, transport_loop
from benchmarks.engine.material import MODEL, prompts, requests
from benchmarks.engine.stage import generate_over, opened
from prefline.config import Endpoint, Prices
from prefline.llm import Reply


@dataclass(frozen=True, slots=True)
class Task:
    """How many calls, to where, how many at once, and a folder for what is kept."""

    base_url: str
    calls: int
    in_flight: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Took:
    """What a program's calls took; `peak_mb` is the largest resident set of the process."""

    calls: int
    wall_s: float
    cpu_s: float
    peak_mb: float


def engine(task: Task) -> int:
    """The whole engine: limits, reply store on the disk, accounting."""
    endpoint = Endpoint(base_url=task.base_url, model=MODEL, prices=Prices(input=1, output=4))
    with opened(endpoint, task.folder, task.in_flight) as running:
        return sum(isinstance(outcome, Reply) for outcome in running.answer(requests(task.calls)))


def engine_aiohttp(task: Task) -> int:
    """The whole engine over aiohttp in place of its own HTTP client."""
    with engine_over_aiohttp():
        return engine(task)


def stage(task: Task) -> int:
    """The stage `generate`: from prompts to the table `responses`."""
    return generate_over(prompts(task.calls), task.base_url, task.folder, task.in_flight)


PROGRAMS: dict[str, Callable[[Task], int]] = {
    "engine": engine,
    "engine-aiohttp": engine_aiohttp,
    "stage": stage,
    "aiohttp": lambda task: aiohttp_loop(task.base_url, task.calls, task.in_flight),
    "aiohttp-uvloop": lambda task: aiohttp_on_uvloop(task.base_url, task.calls, task.in_flight),
    "transport": lambda task: transport_loop(task.base_url, task.calls, task.in_flight),
}

_IMPORTS = {
    "stage": ("tasks.generate",),
    "aiohttp": ("aiohttp",),
    "aiohttp-uvloop": ("aiohttp", "uvloop"),
}


def took(program: Callable[[Task], int], task: Task) -> Took:
    """Run a program and say what it took. Ends the process if a call was not answered."""
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    answered = program(task)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    if answered != task.calls:
        raise SystemExit(f"{answered} of {task.calls} calls were answered")
    return Took(answered, wall_s, cpu_s, _peak_mb())


def _peak_mb() -> float:
    """From /proc: the kernel's `ru_maxrss` counts the process that started this one too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    return int(peak[1]) / 1024


def _allow_many_connections() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))


def main() -> None:
    """Run one program and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.clients")
    parser.add_argument("program", choices=sorted(PROGRAMS))
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    _allow_many_connections()
    for module in _IMPORTS.get(given.program, ()):
        importlib.import_module(module)
    task = Task(given.base_url, given.calls, given.in_flight, given.folder)
    sys.stdout.write(json.dumps(asdict(took(PROGRAMS[given.program], task))) + "\n")


if __name__ == "__main__":
    main()
