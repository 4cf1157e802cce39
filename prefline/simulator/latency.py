"""How long a reply takes, and how many are worked on at once."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable

from prefline.simulator.config import Latency
from prefline.simulator.draws import normal, uniforms

# The loop's clock has whole milliseconds, rounded down: no reply shall be early.
_TICK_S = 0.001

Job = Callable[[], None]


def delay_s(latency: Latency, body: int, attempt: int) -> float:
    """Seconds until the reply to the `attempt`-th sight of a body; the same on every run."""
    if latency.distribution == "fixed":
        return latency.ms / 1000
    chance = uniforms(body.to_bytes(8, "big"), "latency", attempt)[0]
    if latency.distribution == "uniform":
        return (latency.ms + latency.spread * (2 * chance - 1)) / 1000
    return latency.ms * math.exp(latency.spread * normal(chance)) / 1000


class Pace:
    """Runs jobs after their delay, at most `slots` of them at once (None: no bound)."""

    def __init__(self, slots: int | None) -> None:
        self._slots = slots
        self._taken = 0
        self._line: deque[tuple[float, Job]] = deque()

    def after(self, delay: float, job: Job) -> None:
        """Run `job` once `delay` seconds have passed in which it had a slot."""
        if self._slots is None:
            _later(delay, job)
        elif self._taken < self._slots:
            self._start(delay, job)
        else:
            self._line.append((delay, job))

    def _start(self, delay: float, job: Job) -> None:
        self._taken += 1
        _later(delay, lambda: self._finish(job))

    def _finish(self, job: Job) -> None:
        self._taken -= 1
        if self._line:
            self._start(*self._line.popleft())
        job()


def _later(delay: float, job: Job) -> None:
    if delay > 0:
        asyncio.get_running_loop().call_later(delay + _TICK_S, job)
    else:
        job()
