"""The child of `process.simulated_server`: config as one JSON line in, one JSON line out."""

from __future__ import annotations

import asyncio
import sys

import orjson
import uvloop

from prefline.errors import PreflineError
from prefline.simulator.config import SimulatorConfig
from prefline.simulator.serve import serve


async def run() -> None:
    """Serve until standard input ends, or a signal."""
    config = SimulatorConfig.model_validate_json(sys.stdin.buffer.readline())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # A pipe at its end is readable: the parent is gone, or wants the server to go.
    loop.add_reader(sys.stdin.fileno(), stop.set)
    await serve(config, _announce, stop)


def main() -> int:
    """Run; an error goes to the parent as JSON."""
    try:
        uvloop.run(run())
    except PreflineError as error:
        _say({"error": type(error).__name__, "problem": error.problem, "remedy": error.remedy})
        return error.exit_code
    return 0


def _announce(base_url: str, models: list[str]) -> None:
    _say({"base_url": base_url, "models": models})


def _say(data: dict[str, object]) -> None:
    sys.stdout.buffer.write(orjson.dumps(data) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
