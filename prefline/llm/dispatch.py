"""Which of a model's replicas gets the next call, and when."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from prefline.llm.answers import Accepted, Answer, TryAgain
from prefline.llm.limits.breaker import Breaker
from prefline.llm.limits.concurrency import AdaptiveLimit, Call


@dataclass(slots=True, eq=False)
class Replica:
    """One server of a model: what it is given and how it fares."""

    url: str
    limit: AdaptiveLimit
    breaker: Breaker
    longest_pause_s: float = math.inf
    in_flight: int = 0
    paused_until: float = 0.0

    def takes_call(self, now: float) -> bool:
        """Whether a call may be sent there now."""
        return (
            self.in_flight < self.limit.limit
            and now >= self.paused_until
            and self.breaker.allows(now)
        )

    def pause(self, asked_s: float, now: float, detail: str) -> None:
        """Leave the server alone for as long as it asks, or for good if that is too long."""
        if asked_s > self.longest_pause_s:
            self.breaker.give_up(f"asks to wait {asked_s:.0f} s: {detail}", now + asked_s)
        else:
            self.paused_until = max(self.paused_until, now + asked_s)

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
            replica.pause(answer.after_s or 0.0, now, f"{answer.reason}: {answer.detail}")


@dataclass(slots=True)
class Dispatcher:
    """Hands out turns at replicas, at the one with the fewest calls under way first; who finds
    none waits in line, and is given the turn that comes free."""

    replicas: list[Replica]
    _line: deque[asyncio.Future[Turn | None]] = field(default_factory=deque)
    _alarm: asyncio.TimerHandle | None = None
    _alarm_at: float = 0.0

    async def acquire(self, failed_at: Sequence[Replica] = ()) -> Turn | None:
        """A turn, counted as under way, in the order of asking; None if all are down. Where there
        is a choice it is not at a replica where the call has failed: one that is gone is always
        the one with the fewest calls under way."""
        now = _now()
        turn = None if self._line else self._next_turn(now, failed_at)
        return turn if turn or self._all_down else await self._wait(now)

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

    def _next_turn(self, now: float, failed_at: Sequence[Replica] = ()) -> Turn | None:
        free = min(
            (replica for replica in self.replicas if replica.takes_call(now)),
            key=lambda replica: (failed_at.count(replica), replica.in_flight),
            default=None,
        )
        if free is None or self._all_down:
            return None
        free.in_flight += 1
        return Turn(free, free.breaker.began(), Call(now, free.in_flight))

    async def _wait(self, now: float) -> Turn | None:
        given: asyncio.Future[Turn | None] = asyncio.get_running_loop().create_future()
        self._line.append(given)
        self._set_alarm(now)
        try:
            return await given
        except asyncio.CancelledError:
            if given in self._line:
                self._line.remove(given)
            elif not given.cancelled() and (turn := given.result()) is not None:
                self.release(turn)  # it was given to a call that has gone
            raise

    def _advance(self) -> None:
        """Give what is free to those in line; tell all of them if all is down."""
        now = _now()
        while self._line:
            if self._line[0].done():  # cancelled just now
                self._line.popleft()
                continue
            turn = self._next_turn(now)
            if turn is None and not self._all_down:
                break
            self._line.popleft().set_result(turn)
        self._set_alarm(now)

    def _set_alarm(self, now: float) -> None:
        """Look again when a pause ends: no call's end may come to do it. `now` is the time at
        which nothing was free: at a later one the pause may be over, and nobody would look."""
        times = [at for replica in self.replicas if (at := replica.ready_at(now)) is not None]
        if not times or not self._line:
            return
        first = min(times)
        if self._alarm is not None:
            if self._alarm_at <= first:
                return
            self._alarm.cancel()  # another server's shorter pause began meanwhile
        self._alarm_at = first
        self._alarm = asyncio.get_running_loop().call_at(first, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._advance()


def _now() -> float:
    return asyncio.get_running_loop().time()
