"""From many workers to one reader: what came of items, in the items' order, bounded."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Ordered(Generic[T]):
    """Takes results by position on the loop's thread, and gives them in order to another.

    At most `ahead` positions are open at once: a worker waits with the next item until
    the reader has taken enough. So memory is bounded, whatever waits for one slow call.
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

    async def room_for(self, position: int) -> bool:
        """Wait until an item of this position may be started; False if none is to be."""
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
                # What comes in one turn of the loop is handed over in one piece.
                self._loop.call_soon(self._hand_over)

    def close(self) -> None:
        """Start no more items, on any thread: the reader reads no more, or one has failed, and
        the reader, who waits for its turn, makes no more room."""
        self._closed = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._room.set)

    def end(self, error: BaseException | None = None) -> None:
        """No more will come; the reader gets what is whole, and then the error, if any."""
        self._error = error
        self._hand_over()
        self._chunks.put(None)

    def __iter__(self) -> Iterator[T]:
        """The results, for the reader's thread."""
        while (chunk := self._chunks.get()) is not None:
            self._loop.call_soon_threadsafe(self._took, len(chunk))
            yield from chunk
        if self._error is not None:
            raise self._error

    def _hand_over(self) -> None:
        if self._ready:
            ready, self._ready = self._ready, []
            self._chunks.put(ready)

    def _took(self, count: int) -> None:
        self._taken += count
        self._room.set()
