"""Dispatch of calls to the replicas of a model."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from prefline.llm.backpressure import (
    AdaptiveConcurrency,
    CallStart,
    CircuitBreaker,
    SharedBackoff,
)
from prefline.llm.parsing import Accepted, Answer, Retry


@dataclass(slots=True, eq=False)
class Replica:
    """One server of a model, with its limits and its state."""

    url: str
    concurrency: AdaptiveConcurrency
    breaker: CircuitBreaker
    backoff: SharedBackoff = field(default_factory=SharedBackoff)
    longest_pause_s: float = math.inf
    in_flight: int = 0
    paused_until: float = 0.0
    limit_before_refusals: int = 1

    def takes_call(self, now: float) -> bool:
        """Return whether a call may be sent there now."""
        return (
            self.in_flight < self.concurrency.limit
            and now >= self.paused_until
            and self.backoff.allows(now)
            and self.breaker.allows(now)
        )

    def start_call(self, now: float) -> Permit:
        """Count a call as under way."""
        self.in_flight += 1
        self.backoff.start_call()
        return Permit(self, self.breaker.start_call(), CallStart(now, self.in_flight))

    def end_call(self, permit: Permit, now: float) -> None:
        """Note that a call has ended, after what was answered is recorded."""
        self.in_flight -= 1
        self.backoff.end_call(permit.call.began, now)
        if permit.trial:
            self.breaker.end_trial()

    def record_success(self) -> None:
        """Note that the server took a call."""
        if self.backoff.is_refused:
            self.concurrency.end_outage(self.limit_before_refusals)
        self.backoff.record_success()

    def record_overload(self, call: CallStart, answer: Retry, now: float) -> None:
        """Send less, or nothing for as long as the server asks; what asks for too long, or
        refuses every call for too long, is down."""
        detail, pause_s = f"{answer.reason}: {answer.detail}", answer.after_s or 0.0
        if self.backoff.refused_since is None:
            self.limit_before_refusals = self.concurrency.limit
        if not self.backoff.is_refused:  # then it would refuse one call as it does many
            self.concurrency.record_overload(call.began, now)
        if not pause_s:
            self.backoff.record_refusal(now, self.in_flight)
        since = self.backoff.refused_since
        refused_s = 0.0 if since is None else now - since
        if pause_s > self.longest_pause_s:
            self.breaker.mark_down(f"asks to wait {pause_s:.0f} s: {detail}", now + pause_s)
        elif self.backoff.is_refused and refused_s > self.longest_pause_s:
            self.breaker.mark_down(f"refuses every call for {refused_s:.0f} s: {detail}", now)
        else:
            self.paused_until = max(self.paused_until, now + pause_s)

    def ready_at(self, now: float) -> float | None:
        """Return when it may take a call again if it waits for nothing but time; None otherwise."""
        if now >= self.paused_until and not (self.backoff.is_refused or self.breaker.is_open):
            return None
        until = max(
            self.paused_until,
            self.backoff.until if self.backoff.is_refused else 0.0,
            self.breaker.retry_at if self.breaker.is_open else 0.0,
        )
        return until if until > now else None


class Permit(NamedTuple):
    """Leave to send one call to a replica; `trial` if the call finds out whether it is back."""

    replica: Replica
    trial: bool
    call: CallStart

    def record(self, answer: Answer, now: float, call: object | None = None) -> None:
        """Take the answer to a call into account."""
        replica = self.replica
        if not isinstance(answer, Retry):
            replica.breaker.record_success(trial=self.trial)
            replica.record_success()
            if isinstance(answer, Accepted):
                replica.concurrency.record_success(self.call, now, replica.in_flight)
            return
        if answer.broken:
            detail = f"{answer.reason}: {answer.detail}"
            replica.breaker.record_failure(detail, now, trial=self.trial, call=call)
        if answer.overloaded:
            replica.record_overload(self.call, answer, now)


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
        if permit is not None or self._all_down:
            return permit
        return await self._wait(now)

    def release(self, permit: Permit) -> None:
        """Note that a call has ended."""
        now = _now()
        permit.replica.end_call(permit, now)
        if self._queue:
            self._serve_queue(now)

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return sum(replica.in_flight for replica in self.replicas)

    @property
    def _all_down(self) -> bool:
        for replica in self.replicas:  # noqa: SIM110 - asked twice a call, and the first one tells
            if not replica.breaker.is_down:
                return False
        return True

    def _next_permit(self, now: float, failed_at: Sequence[Replica] = ()) -> Permit | None:
        free = [replica for replica in self.replicas if replica.takes_call(now)]
        if not free:
            return None
        if len(free) > 1:
            free.sort(key=lambda replica: (failed_at.count(replica), replica.in_flight))
        if free[0].breaker.is_down and self._all_down:
            return None
        return free[0].start_call(now)

    async def _wait(self, now: float) -> Permit | None:
        waiter: asyncio.Future[Permit | None] = asyncio.get_running_loop().create_future()
        self._queue.append(waiter)
        if len(self._queue) == 1:  # whoever is in front has set it
            self._set_timer(now)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter in self._queue:
                self._queue.remove(waiter)
            elif not waiter.cancelled() and (permit := waiter.result()) is not None:
                self.release(permit)  # it was given to a call that has gone
            raise

    def _serve_queue(self, now: float) -> None:
        """Give what is free to those who wait; tell all of them if all is down."""
        while self._queue:
            if self._queue[0].done():  # cancelled just now
                self._queue.popleft()
                continue
            permit = self._next_permit(now)
            if permit is None and not self._all_down:
                self._set_timer(now)
                break
            self._queue.popleft().set_result(permit)

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
        self._serve_queue(_now())


# The clock of the event loop, without the search for the loop.
_now = time.monotonic
