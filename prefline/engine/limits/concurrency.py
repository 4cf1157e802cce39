"""How many calls a server gets at once."""

from __future__ import annotations

_START = 32
_CUT = 0.7
_SECONDS_BETWEEN_CUTS = 1.0
_LEAST_GAIN = 1.15  # in throughput, from a round with twice as many calls
_SLOWER = 1.5  # times the latency: the server queues what it gets
_TOO_SLOW = 2.0
_KEEPS_UP = 1.2


class AdaptiveLimit:
    """Finds the concurrency from which on a server only queues; pure, with the caller's clock.

    Additive increase and multiplicative decrease (Chiu and Jain, 1989), with a slow start as
    in TCP (RFC 5681): one more call for each that went through, so twice as many a round, until
    the server objects (429, 503, 529), or until a round with twice as many calls is slower and
    brings less than 15 % more throughput. By Little's law (concurrency = throughput x latency)
    what was added then waits in the server's queue. A batching server, whose latency rises while
    its throughput does, is not held back.

    From then on it goes by the latency of that moment: 2 % up a round while calls take at most
    1.2 times as long, 10 % down where they take over twice as long, and 30 % down, once a second
    at most, where the server objects, since calls under way object together. A round is as many
    calls as were allowed when it began.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(min(_START, most))
        self._searching = True
        self._usual_s = 0.0  # latency that the server is known to give when it keeps up
        self._last: _Round | None = None
        self._round = _Round(self._limit, 0.0)
        self._last_cut = -_SECONDS_BETWEEN_CUTS

    @property
    def limit(self) -> int:
        """Calls allowed at once, now."""
        return max(1, int(self._limit))

    def succeeded(self, latency_s: float, in_flight: int, now: float) -> None:
        """A call went through, after `latency_s`, while `in_flight` were under way."""
        one = self._round
        one.add(latency_s, now)
        used = in_flight >= self._limit / 2  # a limit that nobody uses teaches nothing
        if self._searching and used:
            self._limit = min(self._most, self._limit + 1.0)
        if one.calls >= one.limit:
            if used:
                self._end_round(one, now)
            self._round = _Round(self._limit, now)

    def objected(self, now: float) -> None:
        """The server asked for less."""
        self._searching = False
        if now - self._last_cut >= _SECONDS_BETWEEN_CUTS:
            self._limit = max(1.0, self._limit * _CUT)
            self._last_cut = now
            self._round = _Round(self._limit, now)

    def _end_round(self, one: _Round, now: float) -> None:
        if self._searching:
            self._search(one, now)
        elif one.latency_s > _TOO_SLOW * self._usual_s > 0:
            self._limit = max(1.0, self._limit * 0.9)
            self._usual_s *= 1.02  # what stays slow becomes the usual, in time
        elif one.latency_s <= _KEEPS_UP * self._usual_s or not self._usual_s:
            self._limit = min(self._most, self._limit + max(1.0, 0.02 * self._limit))
        self._last = one
        self._usual_s = self._usual_s or one.latency_s

    def _search(self, one: _Round, now: float) -> None:
        last = self._last
        if last is None or one.limit < 1.5 * last.limit:
            return
        gained = one.throughput(now) >= _LEAST_GAIN * last.throughput(one.began)
        if not gained and one.latency_s > _SLOWER * last.latency_s:
            self._searching = False
            self._limit = last.limit
            self._usual_s = last.latency_s


class _Round:
    """As many calls as were allowed when it began."""

    __slots__ = ("began", "calls", "limit", "seconds")

    def __init__(self, limit: float, began: float) -> None:
        self.limit, self.began = limit, began
        self.calls, self.seconds = 0, 0.0

    def add(self, latency_s: float, now: float) -> None:
        """Count a call."""
        if not self.began:
            self.began = now - latency_s
        self.calls += 1
        self.seconds += latency_s

    @property
    def latency_s(self) -> float:
        """Mean latency of its calls."""
        return self.seconds / self.calls

    def throughput(self, ended: float) -> float:
        """Calls a second."""
        return self.calls / max(ended - self.began, 1e-9)
