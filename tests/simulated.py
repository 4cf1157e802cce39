"""A simulated provider in a thread of this process: the same HTTP, without a process to start.

Tests that kill the provider, or measure, take `prefline.simulator.simulated_server` instead.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import uvloop

from prefline.simulator import SimulatedServer, SimulatorConfig
from prefline.simulator.serve import listening


@contextmanager
def threaded_server(config: SimulatorConfig | None = None) -> Iterator[SimulatedServer]:
    """Serve within the block; raises as `listening` does."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, str, list[str]]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with listening(config or SimulatorConfig()) as (base_url, models):
            started.set_result((asyncio.get_running_loop(), stop, base_url, models))
            await stop.wait()

    def run() -> None:
        try:
            uvloop.run(serve())
        except BaseException as error:  # whatever it is, it goes to the test
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="simulator")
    thread.start()
    try:
        loop, stop, base_url, models = started.result()
        try:
            yield SimulatedServer(base_url, tuple(models), os.getpid())
        finally:
            loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join()
