"""Reactions to a server's state: adaptive concurrency, a circuit breaker, and backoff, of one
call and of all.

Pure, with the caller's clock; times are in seconds. `dispatch.py` and `caller.py` do the waiting.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import NamedTuple

_START = 32
_CUT = 0.7
_LEAST_GAIN = 1.15  # in throughput
_TOO_SLOW = 2.0
_KEEPS_UP = 1.2
_FAILURES_TO_OPEN = 10
_FIRST_WAIT_S = 0.5


class CallStart(NamedTuple):
    """The start of a call, and the number under way then, itself included."""

    began: float
    in_flight: int


class AdaptiveConcurrency:
    """Find the concurrency from which on a server only queues.

    Additive increase and multiplicative decrease (Chiu and Jain, 1989), with a slow start as
    in TCP (RFC 5681): one more call for each that went through, so twice as many a round, until
    the server objects (429, 503, 529), or until a round with half as many calls again or more
    brings less than 15 % more throughput, which is calls under way over latency (Little's law):
    what was added then waits in the server's queue. A batching server, whose latency rises while
    its throughput does, is not held back.

    From then on it goes by the latency of that moment: 2 % up a round while calls take at most
    1.2 times as long, 10 % down where they take over twice as long, and 30 % down where the
    server objects to a call that began after the last such cut: those under way object together.
    A round is as many calls as were allowed when it began.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._limit = float(min(_START, maximum))
        self._searching = True
        self._usual_s = 0.0  # latency that the server is known to give when it keeps up
        self._last: _Round | None = None
        self._round = _Round(self._limit, 0.0)
        self._last_cut = 0.0

    @property
    def limit(self) -> int:
        """Calls allowed at once, now."""
        return max(1, int(self._limit))

    def record_success(self, call: CallStart, now: float, in_flight: int) -> None:
        """Note a call that went through; `in_flight` were under way until now, itself included."""
        used = in_flight >= self._limit / 2  # a limit that nobody uses teaches nothing
        if self._searching and used:
            self._limit = min(self._maximum, self._limit + 1.0)
        current = self._round
        if call.began < current.began:
            return  # it tells of the time before this round
        current.add(now - call.began, call.in_flight)
        if current.calls >= current.limit:
            if used:
                self._end_round(current)
            self._round = _Round(self._limit, now)

    def record_overload(self, began: float, now: float) -> None:
        """Note that the server asked for less in answer to a call that began at `began`."""
        self._searching = False
        if began >= self._last_cut:
            self._limit = max(1.0, self._limit * _CUT)
            self._last_cut = now
            self._round = _Round(self._limit, now)

    def end_outage(self, limit_before: int) -> None:
        """Note that the server takes calls again, after it refused every one, however few they
        were: all cuts since the limit was `limit_before` count as one."""
        self._limit = max(self._limit, limit_before * _CUT)

    def _end_round(self, ended: _Round) -> None:
        if self._searching:
            self._search(ended)
        elif ended.latency_s > _TOO_SLOW * self._usual_s > 0:
            self._limit = max(1.0, self._limit * 0.9)
            self._usual_s *= 1.02  # what stays slow becomes the usual, in time
        elif ended.latency_s <= _KEEPS_UP * self._usual_s or not self._usual_s:
            self._limit = min(self._maximum, self._limit + max(1.0, 0.02 * self._limit))
        self._usual_s = self._usual_s or ended.latency_s
        self._last = ended

    def _search(self, ended: _Round) -> None:
        last = self._last
        if last is None or ended.in_flight < 1.5 * last.in_flight:
            return
        if ended.throughput < _LEAST_GAIN * last.throughput:
            self._searching = False
            self._limit = last.in_flight
            self._usual_s = last.latency_s


class _Round:
    """As many calls as were allowed when it began, none of which began before it."""

    __slots__ = ("_in_flight", "_seconds", "began", "calls", "limit")

    def __init__(self, limit: float, began: float) -> None:
        self.limit, self.began = limit, began
        self.calls, self._seconds, self._in_flight = 0, 0.0, 0

    def add(self, latency_s: float, in_flight: int) -> None:
        """Count a call."""
        self.calls += 1
        self._seconds += latency_s
        self._in_flight += in_flight

    @property
    def latency_s(self) -> float:
        """Mean latency of its calls."""
        return self._seconds / self.calls

    @property
    def in_flight(self) -> float:
        """Mean number of calls under way when its calls began."""
        return self._in_flight / self.calls

    @property
    def throughput(self) -> float:
        """Calls a second, by Little's law."""
        return self.in_flight / max(self.latency_s, 1e-9)


class CircuitBreaker:
    """Leave a server alone that keeps failing (Nygard, "Release It!", 2007).

    Failures of ten different calls in a row open it: a call that fails however often it is tried
    says nothing of the server. Then one trial at a time is let through after a pause that doubles
    from half a second to `longest_s`; a success closes it. After `tries` trials that failed the
    server is taken to be down.

    A trial is a plain call of its own (see `Caller`). One that succeeds says that those calls
    failed by themselves, so that twice as many more have to fail to open it again; any other
    success makes it ten again.
    """

    def __init__(self, tries: int, longest_s: float) -> None:
        self._tries = tries
        self._longest_s = longest_s
        self._failed = set[object]()  # calls that failed since the last success
        self._needed = _FAILURES_TO_OPEN
        self._failed_trials = 0
        self._trial_under_way = False
        self._retry_at = 0.0
        self.is_open = False  # calls are held back
        self.last_detail = ""

    @property
    def is_failing(self) -> bool:
        """True if the last call failed."""
        return bool(self._failed)

    @property
    def is_down(self) -> bool:
        """True if the server is taken to be down."""
        return self._failed_trials >= self._tries

    def allows(self, now: float) -> bool:
        """Return whether a call may go now."""
        return not self.is_open or (now >= self._retry_at and not self._trial_under_way)

    @property
    def retry_at(self) -> float:
        """The time at which the next call may go, if it is open."""
        return self._retry_at

    def start_call(self) -> bool:
        """Note that a call goes; return whether it is a trial call."""
        self._trial_under_way = self._trial_under_way or self.is_open
        return self.is_open

    def end_trial(self) -> None:
        """Note that the trial call has ended, with whatever result."""
        self._trial_under_way = False

    def record_success(self, *, trial: bool = False) -> None:
        """Note that the server answered."""
        self._needed = 2 * self._needed if trial else _FAILURES_TO_OPEN
        if self._failed or self.is_open:
            self._failed.clear()
            self._failed_trials, self.is_open = 0, False

    def record_failure(
        self, detail: str, now: float, *, trial: bool, call: object | None = None
    ) -> None:
        """Note that the server did not answer `call`, or only with an error of its own."""
        was_open = self.is_open
        self._failed.add(object() if call is None else call)
        self.is_open = was_open or len(self._failed) >= self._needed
        self._failed_trials += trial
        self.last_detail = detail
        if trial or (self.is_open and not was_open):
            self._retry_at = now + min(self._longest_s, _FIRST_WAIT_S * 2**self._failed_trials)

    def mark_down(self, detail: str, retry_at: float) -> None:
        """Take the server to be down: it says itself that it will not answer before `retry_at`."""
        self.is_open, self._failed_trials = True, self._tries
        self._retry_at = retry_at
        self.last_detail = detail


@dataclass(slots=True)
class SharedBackoff:
    """Back off together from a server that refuses every call (429, 503, 529) and does not say
    for how long.

    It refuses every call once all that were under way at the first refusal since a success have
    ended without one: a server that takes some and refuses others is left to
    `AdaptiveConcurrency`. Then nothing is sent for a pause, after which one call goes ahead as a
    probe; each that does not go through begins another pause, and the first that does ends them.
    A pause is drawn from zero (full jitter) to as long as the server has refused, at least half a
    second and at most `longest_s`: pauses grow by half on average, and none wastes more time than
    was lost before. So the number of calls that a server gets while it refuses does not depend on
    how many there are to make.
    """

    longest_s: float = 30.0
    generator: random.Random = field(default_factory=random.Random)
    refused_since: float | None = None
    """The time of the first refusal since a call went through."""
    until: float = 0.0
    """The end of the pause."""
    is_refused: bool = False
    """True from the first pause to the first call that goes through."""
    _hopeful: int = 0  # calls under way at the first refusal that have not ended
    _paused_at: float = 0.0
    _is_probing: bool = False

    def allows(self, now: float) -> bool:
        """Return whether a call may go now."""
        return not self.is_refused or (now >= self.until and not self._is_probing)

    def start_call(self) -> None:
        """Note that a call goes."""
        self._is_probing = self.is_refused

    def record_success(self) -> None:
        """Note that a call went through."""
        self.refused_since, self.is_refused, self._is_probing = None, False, False

    def record_refusal(self, now: float, in_flight: int) -> None:
        """Note that a call was refused; `in_flight` were under way until now, itself included."""
        if self.refused_since is None:
            self.refused_since, self._hopeful = now, in_flight

    def end_call(self, began: float, now: float) -> None:
        """Note that a call has ended, with whatever result, which was noted before."""
        if self.refused_since is None:
            return
        if self.is_refused:
            all_refused = self._is_probing and began >= self._paused_at
        else:
            self._hopeful -= began <= self.refused_since
            all_refused = self._hopeful == 0
        if all_refused:
            ceiling = min(self.longest_s, max(_FIRST_WAIT_S, now - self.refused_since))
            self.until = now + self.generator.uniform(0, ceiling)
            self.is_refused, self._is_probing, self._paused_at = True, False, now


def backoff_s(
    tries: int, longest_s: float, requested_s: float | None, generator: random.Random
) -> float:
    """Return the seconds to wait after `tries` failed tries, at least what the server requested.

    Otherwise exponential backoff with full jitter: uniform in [0, min(longest, 0.5 * 2^(tries-1))],
    the variant with the fewest calls under contention in AWS's "Exponential Backoff And Jitter"
    (Brooker, 2015).
    """
    ceiling = min(longest_s, _FIRST_WAIT_S * 2 ** min(tries - 1, 32))
    jitter = generator.uniform(0, ceiling)
    # Spread those that were all told the same second, without coming back early.
    return requested_s + min(jitter, 1.0) if requested_s is not None else jitter
