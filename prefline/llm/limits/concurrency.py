"""How many calls a server gets at once."""

from __future__ import annotations

from dataclasses import dataclass

_START = 32
_CUT = 0.7
_LEAST_GAIN = 1.15  # in throughput
_TOO_SLOW = 2.0
_KEEPS_UP = 1.2


@dataclass(frozen=True, slots=True)
class Call:
    """When a call began, and how many were under way then, itself included."""

    began: float
    in_flight: int


class AdaptiveLimit:
    """Finds the concurrency from which on a server only queues; pure, with the caller's clock.

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

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(min(_START, most))
        self._searching = True
        self._usual_s = 0.0  # latency that the server is known to give when it keeps up
        self._last: _Round | None = None
        self._round = _Round(self._limit, 0.0)
        self._last_cut = 0.0

    @property
    def limit(self) -> int:
        """Calls allowed at once, now."""
        return max(1, int(self._limit))

    def succeeded(self, call: Call, now: float, in_flight: int) -> None:
        """A call went through; `in_flight` were under way until now, itself included."""
        used = in_flight >= self._limit / 2  # a limit that nobody uses teaches nothing
        if self._searching and used:
            self._limit = min(self._most, self._limit + 1.0)
        one = self._round
        if call.began < one.began:
            return  # it tells of the time before this round
        one.add(now - call.began, call.in_flight)
        if one.calls >= one.limit:
            if used:
                self._end_round(one)
            self._round = _Round(self._limit, now)

    def objected(self, began: float, now: float) -> None:
        """The server answered a call that began then with the wish for less."""
        self._searching = False
        if began >= self._last_cut:
            self._limit = max(1.0, self._limit * _CUT)
            self._last_cut = now
            self._round = _Round(self._limit, now)

    def _end_round(self, one: _Round) -> None:
        if self._searching:
            self._search(one)
        elif one.latency_s > _TOO_SLOW * self._usual_s > 0:
            self._limit = max(1.0, self._limit * 0.9)
            self._usual_s *= 1.02  # what stays slow becomes the usual, in time
        elif one.latency_s <= _KEEPS_UP * self._usual_s or not self._usual_s:
            self._limit = min(self._most, self._limit + max(1.0, 0.02 * self._limit))
        self._usual_s = self._usual_s or one.latency_s
        self._last = one

    def _search(self, one: _Round) -> None:
        last = self._last
        if last is None or one.in_flight < 1.5 * last.in_flight:
            return
        if one.throughput < _LEAST_GAIN * last.throughput:
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
        """Mean number of calls under way when its calls began: what each had to wait for."""
        return self._in_flight / self.calls

    @property
    def throughput(self) -> float:
        """Calls a second, by Little's law."""
        return self.in_flight / max(self.latency_s, 1e-9)
