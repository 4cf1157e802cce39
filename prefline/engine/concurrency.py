"""How many calls an endpoint gets at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_START = 8
_CUT = 0.7
_SECONDS_BETWEEN_CUTS = 1.0


class AdaptiveLimit:
    """Additive increase, multiplicative decrease (Chiu and Jain, 1989).

    Starts at 8 and doubles each round of calls until the server first objects (slow
    start), then grows by one a round; an objection cuts it by 30 %, once a second at most,
    since the calls that were under way object together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(min(_START, most))
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._last_cut = 0.0
        self._objected = False

    @property
    def limit(self) -> int:
        """Calls allowed at once, now."""
        return max(1, int(self._limit))

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the slots; waits until one is free."""
        await self._acquire()
        try:
            yield
        finally:
            self._in_flight -= 1
            self._wake()

    async def _acquire(self) -> None:
        while self._in_flight >= self.limit:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._in_flight += 1

    def _wake(self) -> None:
        free = self.limit - self._in_flight
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    def succeeded(self) -> None:
        """A call went through: allow a little more."""
        step = 1.0 if not self._objected else 1.0 / self._limit
        self._limit = min(self._most, self._limit + step)
        self._wake()

    def overloaded(self) -> None:
        """The server asked for less."""
        now = time.monotonic()
        if now - self._last_cut >= _SECONDS_BETWEEN_CUTS:
            self._limit = max(1.0, self._limit * _CUT)
            self._last_cut = now
        self._objected = True
