"""Run the server in this process; `python -m prefline.simulator.serve` is `process`'s child."""

from __future__ import annotations

import asyncio
import errno
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
import uvloop
from aiohttp import web

from prefline.errors import ParamsError, PortTaken, PreflineError
from prefline.simulator.config import SimulatorConfig
from prefline.simulator.server import Simulator

# Requests in flight, hanging ones among them, get this long to end.
_GRACE_S = 0.2
_BACKLOG = 4096

Announce = Callable[[str, list[str]], None]


async def serve(config: SimulatorConfig, announce: Announce, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, SIGTERM or SIGINT.

    `announce` is called once with the base URL and the models, when connections are accepted.
    Raises as `listening` does.
    """
    async with listening(config) as (base_url, models):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        announce(base_url, models)
        await stop.wait()


@asynccontextmanager
async def listening(config: SimulatorConfig) -> AsyncIterator[tuple[str, list[str]]]:
    """Accept connections within the block; yields the base URL and the models.

    Raises `PortTaken` if another process listens on the port, `ParamsError` if the address
    cannot be listened on at all or the log file cannot be opened.
    """
    try:
        simulator = Simulator(config)
    except OSError as error:
        raise ParamsError(
            f"the request log cannot be written: {error}", "name a file in a folder that exists"
        ) from error
    runner = web.ServerRunner(simulator.http_server(), shutdown_timeout=_GRACE_S)
    try:
        await runner.setup()
        await _listen(runner, config)
        host = f"[{config.host}]" if ":" in config.host else config.host
        yield f"http://{host}:{runner.addresses[0][1]}/v1", simulator.models
    finally:
        await runner.cleanup()
        simulator.close()


async def _listen(runner: web.ServerRunner, config: SimulatorConfig) -> None:
    try:
        await web.TCPSite(runner, config.host, config.port, backlog=_BACKLOG).start()
    except OSError as error:
        address = f"{config.host}:{config.port}"
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"another process listens on {address}",
                "choose another port, or port 0 for a free one",
            ) from error
        raise ParamsError(
            f"cannot listen on {address}: {error.strerror}",
            "choose an address of this machine and a port above 1023",
        ) from error


def main() -> int:
    """Read the config as one JSON line, write one JSON line: the address, or an error."""
    try:
        uvloop.run(_serve_stdin())
    except PreflineError as error:
        _write({"error": type(error).__name__, "problem": error.problem, "remedy": error.remedy})
        return error.exit_code
    return 0


async def _serve_stdin() -> None:
    config = SimulatorConfig.model_validate_json(sys.stdin.buffer.readline())
    stop = asyncio.Event()
    # A pipe at its end is readable: the parent is gone, or wants the server to go.
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    await serve(config, lambda url, models: _write({"base_url": url, "models": models}), stop)


def _write(data: dict[str, object]) -> None:
    sys.stdout.buffer.write(orjson.dumps(data) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
