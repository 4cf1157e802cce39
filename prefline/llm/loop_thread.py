"""An event loop in a thread of its own, so that calls go on while a stage writes its rows."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for other threads."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="prefline-engine", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine there."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def see_through(self, work: Coroutine[Any, Any, None], hurry: Callable[[], None]) -> None:
        """Run a coroutine there and wait for its end whatever interrupts the waiting: then it is
        told to hurry, and the interrupt is raised after it."""
        running, interrupt = self.start(work), None
        while not running.done():
            try:
                concurrent.futures.wait([running])
            except BaseException as error:  # noqa: BLE001 - Ctrl-C, or what Prefect makes of SIGTERM
                hurry()
                interrupt = error
        if interrupt is not None:
            raise interrupt
        running.result()

    def close(self) -> None:
        """Stop the loop; whatever runs on it must have ended."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
