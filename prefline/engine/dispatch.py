"""Which of a model's replicas gets the next call, and when."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from prefline.engine.answers import Accepted, Answer, TryAgain
from prefline.engine.limits.breaker import Breaker
from prefline.engine.limits.concurrency import AdaptiveLimit, Call


@dataclass(slots=True, eq=False)
class Replica:
    """One server of a model: what it is given and how it fares."""

    url: str
    limit: AdaptiveLimit
    breaker: Breaker
    in_flight: int = 0
    paused_until: float = 0.0

    def takes_call(self, now: float) -> bool:
        """Whether a call may be sent there now."""
        return (
            self.in_flight < self.limit.limit
            and now >= self.paused_until
            and self.breaker.allows(now)
        )

    def ready_at(self, now: float) -> float | None:
        """When it may take a call again if time is all that it waits for; None otherwise."""
        until = max(self.paused_until, self.breaker.retry_at if self.breaker.is_open else 0.0)
        return until if until > now else None


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to send one call to a replica; `probes` if the call finds out whether it is back."""

    replica: Replica
    probes: bool
    call: Call

    def learn(self, answer: Answer, now: float) -> None:
        """Take an answer into account."""
        replica = self.replica
        if not isinstance(answer, TryAgain):
            replica.breaker.succeeded()
            if isinstance(answer, Accepted):
                replica.limit.succeeded(self.call, now, replica.in_flight)
            return
        if answer.broken:
            detail = f"{answer.reason}: {answer.detail}"
            replica.breaker.failed(detail, now, probe=self.probes)
        if answer.overloaded:
            replica.limit.objected(self.call.began, now)
            replica.paused_until = max(replica.paused_until, now + (answer.after_s or 0.0))


@dataclass(slots=True)
class Dispatcher:
    """Hands out replicas, the one with the fewest calls under way first; others wait in line."""

    replicas: list[Replica]
    _line: deque[asyncio.Future[None]] = field(default_factory=deque)
    _alarm: asyncio.TimerHandle | None = None

    async def acquire(self) -> Turn | None:
        """A turn at a replica that takes a call now, counted as under way; None if all are down."""
        while not self._all_down:
            now = asyncio.get_running_loop().time()
            free = _least_busy(replica for replica in self.replicas if replica.takes_call(now))
            if free is not None:
                free.in_flight += 1
                return Turn(free, free.breaker.began(), Call(now, free.in_flight))
            await self._wait()
        return None

    def release(self, turn: Turn) -> None:
        """A call has ended."""
        turn.replica.in_flight -= 1
        if turn.probes:
            turn.replica.breaker.probed()
        if self._line:
            self._advance()

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return sum(replica.in_flight for replica in self.replicas)

    @property
    def _all_down(self) -> bool:
        return all(replica.breaker.spent for replica in self.replicas)

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        self._set_alarm()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._advance()  # the turn was given to a call that has gone
            raise

    def _advance(self) -> None:
        """Wake as many of the line as there is room for; all of them to see that all is down."""
        now = asyncio.get_running_loop().time()
        room = sum(
            replica.limit.limit - replica.in_flight
            for replica in self.replicas
            if replica.takes_call(now)
        )
        if self._all_down:
            room = len(self._line)
        while self._line and room > 0:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1
        self._set_alarm()

    def _set_alarm(self) -> None:
        """Look again when a pause ends: no call's end may come to do it."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        times = [at for replica in self.replicas if (at := replica.ready_at(now)) is not None]
        if times and self._line and self._alarm is None:
            self._alarm = loop.call_at(min(times), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._advance()


def _least_busy(replicas: Iterable[Replica]) -> Replica | None:
    return min(replicas, key=lambda replica: replica.in_flight, default=None)
