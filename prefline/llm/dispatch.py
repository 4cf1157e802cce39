"""Dispatch of calls to the replicas of a model."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from prefline.llm.backpressure import AdaptiveConcurrency, CallStart, CircuitBreaker
from prefline.llm.parsing import Accepted, Answer, Retry


@dataclass(slots=True, eq=False)
class Replica:
    """One server of a model, with its limits and its state."""

    url: str
    concurrency: AdaptiveConcurrency
    breaker: CircuitBreaker
    longest_pause_s: float = math.inf
    in_flight: int = 0
    paused_until: float = 0.0

    def takes_call(self, now: float) -> bool:
        """Return whether a call may be sent there now."""
        return (
            self.in_flight < self.concurrency.limit
            and now >= self.paused_until
            and self.breaker.allows(now)
        )

    def pause(self, requested_s: float, now: float, detail: str) -> None:
        """Leave the server alone for as long as it asks, or for good if that is too long."""
        if requested_s > self.longest_pause_s:
            detail = f"asks to wait {requested_s:.0f} s: {detail}"
            self.breaker.mark_down(detail, now + requested_s)
        else:
            self.paused_until = max(self.paused_until, now + requested_s)

    def ready_at(self, now: float) -> float | None:
        """Return when it may take a call again if it waits for nothing but time; None otherwise."""
        until = max(self.paused_until, self.breaker.retry_at if self.breaker.is_open else 0.0)
        return until if until > now else None


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one call to a replica; `trial` if the call finds out whether it is back."""

    replica: Replica
    trial: bool
    call: CallStart

    def record(self, answer: Answer, now: float, call: object | None = None) -> None:
        """Take the answer to a call into account."""
        replica = self.replica
        if not isinstance(answer, Retry):
            replica.breaker.record_success(trial=self.trial)
            if isinstance(answer, Accepted):
                replica.concurrency.record_success(self.call, now, replica.in_flight)
            return
        if answer.broken:
            detail = f"{answer.reason}: {answer.detail}"
            replica.breaker.record_failure(detail, now, trial=self.trial, call=call)
        if answer.overloaded:
            replica.concurrency.record_overload(self.call.began, now)
            replica.pause(answer.after_s or 0.0, now, f"{answer.reason}: {answer.detail}")


@dataclass(slots=True)
class Dispatcher:
    """Hand out permits, for the replica with the fewest calls under way first.

    A caller that finds none free waits in a queue, and gets the permit that comes free.
    """

    replicas: list[Replica]
    _queue: deque[asyncio.Future[Permit | None]] = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None
    _timer_at: float = 0.0

    async def acquire(self, failed_at: Sequence[Replica] = ()) -> Permit | None:
        """Return a permit, counted as under way, in the order of asking; None if all are down.

        Replicas where the call has failed before come last: one that is gone is always the one
        with the fewest calls under way.
        """
        now = _now()
        permit = None if self._queue else self._next_permit(now, failed_at)
        return permit if permit or self._all_down else await self._wait(now)

    def release(self, permit: Permit) -> None:
        """Note that a call has ended."""
        permit.replica.in_flight -= 1
        if permit.trial:
            permit.replica.breaker.end_trial()
        if self._queue:
            self._serve_queue()

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return sum(replica.in_flight for replica in self.replicas)

    @property
    def _all_down(self) -> bool:
        return all(replica.breaker.is_down for replica in self.replicas)

    def _next_permit(self, now: float, failed_at: Sequence[Replica] = ()) -> Permit | None:
        free = min(
            (replica for replica in self.replicas if replica.takes_call(now)),
            key=lambda replica: (failed_at.count(replica), replica.in_flight),
            default=None,
        )
        if free is None or self._all_down:
            return None
        free.in_flight += 1
        return Permit(free, free.breaker.start_call(), CallStart(now, free.in_flight))

    async def _wait(self, now: float) -> Permit | None:
        waiter: asyncio.Future[Permit | None] = asyncio.get_running_loop().create_future()
        self._queue.append(waiter)
        self._set_timer(now)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter in self._queue:
                self._queue.remove(waiter)
            elif not waiter.cancelled() and (permit := waiter.result()) is not None:
                self.release(permit)  # it was given to a call that has gone
            raise

    def _serve_queue(self) -> None:
        """Give what is free to those who wait; tell all of them if all is down."""
        now = _now()
        while self._queue:
            if self._queue[0].done():  # cancelled just now
                self._queue.popleft()
                continue
            permit = self._next_permit(now)
            if permit is None and not self._all_down:
                break
            self._queue.popleft().set_result(permit)
        self._set_timer(now)

    def _set_timer(self, now: float) -> None:
        """Look again when a pause ends: no call's end may come to do it. `now` is the time at
        which nothing was free: at a later one the pause may be over, and nobody would look."""
        times = [at for replica in self.replicas if (at := replica.ready_at(now)) is not None]
        if not times or not self._queue:
            return
        first = min(times)
        if self._timer is not None:
            if self._timer_at <= first:
                return
            self._timer.cancel()  # another server's shorter pause began meanwhile
        self._timer_at = first
        self._timer = asyncio.get_running_loop().call_at(first, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._serve_queue()


def _now() -> float:
    return asyncio.get_running_loop().time()
