"""Running the server in this process until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import signal
from collections.abc import Callable

from prefline.errors import ParamsError, PortTaken
from prefline.simulator.config import SimulatorConfig
from prefline.simulator.http import Listener
from prefline.simulator.server import Simulator

# In-flight requests, hanging ones among them, get this long to end.
_GRACE_S = 0.2

Announce = Callable[[str, list[str]], None]


async def serve(config: SimulatorConfig, announce: Announce, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, SIGTERM or SIGINT.

    `announce` is called once with the base URL and the models, when connections are taken.
    Raises `PortTaken` if another process listens on the port, `ParamsError` if the address
    cannot be listened on at all or the log file cannot be opened.
    """
    simulator = _simulator(config)
    try:
        await _serve(config, simulator, announce, stop)
    finally:
        simulator.close()


async def _serve(
    config: SimulatorConfig, simulator: Simulator, announce: Announce, stop: asyncio.Event
) -> None:
    listener = Listener(simulator.handle)
    try:
        port = await _listen(listener, config)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        announce(f"http://{_in_url(config.host)}:{port}/v1", simulator.models)
        await stop.wait()
    finally:
        await listener.close(_GRACE_S)


def _simulator(config: SimulatorConfig) -> Simulator:
    try:
        return Simulator(config)
    except OSError as error:
        raise ParamsError(
            f"the request log cannot be written: {error}", "name a file in a folder that exists"
        ) from error


async def _listen(listener: Listener, config: SimulatorConfig) -> int:
    try:
        return await listener.open(config.host, config.port)
    except OSError as error:
        where = f"{config.host}:{config.port}"
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"another process listens on {where}",
                "choose another port, or port 0 for a free one",
            ) from error
        raise ParamsError(
            f"cannot listen on {where}: {error.strerror}",
            "choose an address of this machine and a port above 1023",
        ) from error


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
