"""What is compared: programs that make N calls and say what these took, imports left out.

    python -m benchmarks.engine.clients engine --base-url URL --calls N --in-flight N --folder F

Prints one JSON line: calls, wall_s, cpu_s (user and system, of this process), peak_mb.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from benchmarks.engine.stage import generate_over, opened
from prefline.engine import Reply, Request, Sampling
from prefline.params import Endpoint, Prices
from prefline.prompts import Prompt

_MODEL = "sim-strong"
_TEXT = "Words of a prompt that is about as long as a kilobyte. " * 18


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
    endpoint = Endpoint(base_url=task.base_url, model=_MODEL, prices=Prices(input=1, output=4))
    with opened(endpoint, task.folder, task.in_flight) as running:
        return sum(isinstance(one, Reply) for one in running.answer(_requests(task.calls)))


def stage(task: Task) -> int:
    """The stage `generate`: from prompts to the table `responses`."""
    return generate_over(_prompts(task.calls), task.base_url, task.folder, task.in_flight)


def aiohttp(task: Task) -> int:
    """A bare loop over aiohttp and orjson: no limits, no store, nothing kept."""
    from aiohttp import ClientSession, TCPConnector

    async def run() -> int:
        numbers, answered = iter(range(task.calls)), 0
        url, headers = f"{task.base_url}/chat/completions", {"Content-Type": "application/json"}
        async with ClientSession(connector=TCPConnector(limit=task.in_flight)) as session:

            async def work() -> None:
                nonlocal answered
                for number in numbers:
                    body = orjson.dumps(_body(number))
                    async with session.post(url, data=body, headers=headers) as answer:
                        content = orjson.loads(await answer.read())
                        answered += content["choices"][0]["message"]["content"] is not None

            await asyncio.gather(*(work() for _ in range(task.in_flight)))
        return answered

    return asyncio.run(run())


PROGRAMS: dict[str, Callable[[Task], int]] = {
    "engine": engine,
    "stage": stage,
    "aiohttp": aiohttp,
}


def took(program: Callable[[Task], int], task: Task) -> Took:
    """Run a program and say what it took. Ends the process if a call was not answered."""
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    answered = program(task)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    if answered != task.calls:
        raise SystemExit(f"{answered} of {task.calls} calls were answered")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Took(answered, wall_s, cpu_s, peak)


def _requests(count: int) -> Iterator[Request]:
    for number in range(count):
        messages = ({"role": "user", "content": f"{number} {_TEXT}"},)
        yield Request(_MODEL, messages, Sampling(0.8, 1.0, 256, number), tag=str(number))  # type: ignore[arg-type]


def _prompts(count: int) -> Iterator[Prompt]:
    for number in range(count):
        messages = ({"role": "user", "content": f"{number} {_TEXT}"},)
        yield Prompt(str(number), messages, "bench", "bench", "none", None, None, None)  # type: ignore[arg-type]


def _body(number: int) -> dict[str, object]:
    return {
        "model": _MODEL,
        "messages": [{"role": "user", "content": f"{number} {_TEXT}"}],
        "temperature": 0.8,
        "top_p": 1.0,
        "max_tokens": 256,
        "seed": number,
    }


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
    task = Task(given.base_url, given.calls, given.in_flight, given.folder)
    sys.stdout.write(json.dumps(asdict(took(PROGRAMS[given.program], task))) + "\n")


if __name__ == "__main__":
    main()
