"""Group commit: what comes while one group is being written is the next group.

One flush to the disk takes milliseconds, whether it is for one reply or for a hundred, and each
writes most pages of the index that its keys fall on anew: groups of a dozen cost twice the CPU
time of groups of a hundred.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

_GATHER_S = 0.02  # from the begin of one group to the next, where several come at a time

T = TypeVar("T")
Loop = asyncio.AbstractEventLoop
Group = list[tuple[T, "asyncio.Future[None]"]]  # what is to be written, and who waits for it


class GroupCommit(Generic[T]):
    """Write items in groups, in a thread of its own; `write` gets one group at a time."""

    def __init__(self, write: Callable[[list[T]], None]) -> None:
        self._write = write
        self._waiting: Group[T] = []
        self._busy: Loop | None = None
        self._next_at = 0.0
        self._thread = ThreadPoolExecutor(1, "prefline-replies")

    async def add(self, item: T) -> None:
        """Return once the item is written. Raises what `write` raised for its group."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((item, done))
        if self._busy is not loop:
            self._busy = loop
            self._begin_soon(loop)
        await done

    def close(self) -> None:
        """Write what nobody waits for any more, and end the thread."""
        self._thread.shutdown()
        group, self._waiting = self._waiting, []
        if group:
            self._write([item for item, _ in group])

    def _begin_soon(self, loop: Loop) -> None:
        wait_s = self._next_at - loop.time()
        if wait_s > 0:
            loop.call_later(wait_s, self._begin, loop)
        else:
            loop.call_soon(self._begin, loop)  # whatever is ready now joins the group

    def _begin(self, loop: Loop) -> None:
        group, self._waiting = self._waiting, []
        # What comes alone, one after the other, is waited for by whoever makes the next call.
        self._next_at = loop.time() + _GATHER_S if len(group) > 1 else 0.0
        try:
            self._thread.submit(self._write_group, loop, group)
        except RuntimeError as error:  # closed
            self._end(loop, group, error)

    def _write_group(self, loop: Loop, group: Group[T]) -> None:
        """Write a group; runs in the thread."""
        error: Exception | None = None
        try:
            self._write([item for item, _ in group])
        except Exception as caught:  # noqa: BLE001 - raised where the group is waited for
            error = caught
        try:
            loop.call_soon_threadsafe(partial(self._end, loop, group, error))
        except RuntimeError:  # the loop was closed: nobody waits
            self._busy = None

    def _end(self, loop: Loop, group: Group[T], error: Exception | None) -> None:
        for _, done in group:
            if done.done():  # whoever waited was cancelled
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
        if self._waiting:
            self._begin_soon(loop)
        else:
            self._busy = None
