"""The engine's event loop in a thread of its own, and the hand-over of results to the reader.

So calls go on while a stage writes its rows.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Generic, TypeVar

import uvloop

T = TypeVar("T")

_HAND_OVER_S = 0.01


class LoopThread:
    """Run coroutines for other threads."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="prefline-engine", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine there."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run_to_end(self, work: Coroutine[Any, Any, None], on_interrupt: Callable[[], None]) -> None:
        """Run a coroutine there and wait for its end, whatever interrupts the waiting.

        An interrupt calls `on_interrupt`, and is raised once the coroutine has ended.
        """
        running, interrupt = self.start(work), None
        while not running.done():
            try:
                concurrent.futures.wait([running])
            except BaseException as error:  # noqa: BLE001 - Ctrl-C, or what Prefect makes of SIGTERM
                on_interrupt()
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


class OrderedResults(Generic[T]):
    """Take results by position on the loop's thread, and give them in order to another thread.

    At most `ahead` positions are open at once: a worker waits with the next item until
    the reader has taken enough. So memory is bounded while one slow call holds up the rest.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ahead: int) -> None:
        self._loop = loop
        self._ahead = ahead
        self._taken = 0
        self._next = 0
        self._early: dict[int, T] = {}
        self._ready: list[T] = []
        self._chunks: queue.SimpleQueue[list[T] | None] = queue.SimpleQueue()
        self._room = asyncio.Event()
        self._closed = False
        self._error: BaseException | None = None

    async def wait_for_room(self, position: int) -> bool:
        """Wait until an item of this position may be started; return False if none is to be."""
        while position >= self._taken + self._ahead and not self._closed:
            self._room.clear()
            await self._room.wait()
        return not self._closed

    def put(self, position: int, result: T) -> None:
        """Take the result of the item at `position` (from 0)."""
        self._early[position] = result
        while self._next in self._early:
            self._ready.append(self._early.pop(self._next))
            self._next += 1
            if len(self._ready) == 1:
                # What comes in a hundredth of a second is handed over in one piece: each time wakes
                # the other thread, and the two then wait for each other's interpreter lock.
                self._loop.call_later(_HAND_OVER_S, self._hand_over)

    def close(self) -> None:
        """Start no more items; may be called from any thread.

        The reader reads no more, or an item has failed, and the reader, who waits for its turn,
        makes no more room.
        """
        self._closed = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._room.set)

    def end(self, error: BaseException | None = None) -> None:
        """Add nothing more; the reader gets the rest, and then the error, if any."""
        self._error = error
        self._hand_over()
        self._chunks.put(None)

    def __iter__(self) -> Iterator[T]:
        """Yield the results, on the reader's thread."""
        while (chunk := self._chunks.get()) is not None:
            self._loop.call_soon_threadsafe(self._make_room, len(chunk))
            yield from chunk
        if self._error is not None:
            raise self._error

    def _hand_over(self) -> None:
        if self._ready:
            ready, self._ready = self._ready, []
            self._chunks.put(ready)

    def _make_room(self, count: int) -> None:
        self._taken += count
        self._room.set()
