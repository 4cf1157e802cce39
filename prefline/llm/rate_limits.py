"""Requests and tokens a minute: token buckets, of this process or shared between processes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from prefline.config import RateLimits

_BURST_S = 1.0  # of a minute's worth, at once
_BLOCK_S = 2.0
_REQUESTS, _TOKENS = "-requests", "-tokens"


@dataclass(slots=True)
class TokenBucket:
    """`capacity` units that refill at `rate` units a second; times are in seconds.

    Starts full at time `at`, on whatever clock the caller has.
    """

    rate: float
    capacity: float
    at: float = 0.0
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.capacity

    def wait(self, cost: float, now: float) -> float:
        """Return the seconds until `cost` units may be taken, 0 for now. Takes nothing.

        A cost above the capacity waits for a full bucket, and then leaves it in debt, so
        that the rate holds for it too.
        """
        self._refill(now)
        missing = min(cost, self.capacity) - self.level
        # Rounding must not leave a client that waited exactly so long waiting once more.
        return missing / self.rate if missing > 1e-6 * self.capacity else 0.0

    def take(self, cost: float) -> None:
        """Take `cost` units."""
        self.level -= cost

    def reserve(self, cost: float, now: float) -> float:
        """Take `cost` units now, and return the seconds after which they are due.

        Whoever waits that long gets the units in the order of asking, without a queue.
        """
        self._refill(now)
        self.level -= cost
        return max(0.0, -self.level / self.rate)

    def give_back(self, units: float) -> None:
        """Return units that were taken and not used."""
        self.level = min(self.capacity, self.level + units)

    def _refill(self, now: float) -> None:
        # A clock that went back refills nothing.
        self.level = min(self.capacity, self.level + max(0.0, now - self.at) * self.rate)
        self.at = max(self.at, now)


class RateLimiter(Protocol):
    """Let calls through at an endpoint's rates."""

    async def acquire(self, tokens: int) -> None:
        """Wait until a call of about `tokens` tokens may go."""

    def correct(self, estimated: int, used: int) -> None:
        """Correct an estimate once the tokens of the call are known."""


class Unlimited:
    """No limit."""

    async def acquire(self, tokens: int) -> None:
        """Return at once."""

    def correct(self, estimated: int, used: int) -> None:
        """Do nothing."""


UNLIMITED = Unlimited()


class ProcessRateLimiter:
    """The rates of an endpoint that this process has to itself."""

    def __init__(self, limits: RateLimits) -> None:
        now = asyncio.get_running_loop().time()
        self._calls = _bucket(limits.requests_per_minute, now)
        self._tokens = _bucket(limits.tokens_per_minute, now)

    async def acquire(self, tokens: int) -> None:
        """Wait until a call of about `tokens` tokens may go."""
        now = asyncio.get_running_loop().time()
        waits = [
            bucket.reserve(cost, now)
            for bucket, cost in ((self._calls, 1), (self._tokens, tokens))
            if bucket is not None
        ]
        wait_s = max(waits)
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def correct(self, estimated: int, used: int) -> None:
        """Correct an estimate once the tokens of the call are known."""
        if self._tokens is not None:
            self._tokens.give_back(estimated - used)


class AcquireSlots(Protocol):
    """Acquire slots of a limit that processes share."""

    def __call__(self, name: str, slots: int) -> float:
        """Acquire slots of the limit `name`: return 0 if that worked, else the seconds to wait
        before asking again. May block for a round trip."""


@dataclass(frozen=True, slots=True)
class SharedLimit:
    """A limit that processes share, and the slots acquired at a time: two seconds' worth."""

    name: str
    per_second: float
    block: int


class SharedRateLimiter:
    """The rates of an endpoint that other processes call too.

    Slots are acquired a block at a time, so that the server that keeps the limits is asked
    every two seconds and never per call.
    """

    def __init__(self, limits: RateLimits, acquire_slots: AcquireSlots) -> None:
        self._acquire_slots = acquire_slots
        self._left = dict.fromkeys(shared_limits(limits), 0.0)
        self._lock = asyncio.Lock()

    async def acquire(self, tokens: int) -> None:
        """Wait until a call of about `tokens` tokens may go."""
        async with self._lock:
            for limit in self._left:
                cost = 1 if limit.name.endswith(_REQUESTS) else tokens
                while self._left[limit] < cost:
                    wait_s = await asyncio.to_thread(self._acquire_slots, limit.name, limit.block)
                    if wait_s > 0:
                        await asyncio.sleep(wait_s)
                    else:
                        self._left[limit] += limit.block
                self._left[limit] -= cost

    def correct(self, estimated: int, used: int) -> None:
        """Correct an estimate once the tokens of the call are known."""
        for limit in self._left:
            if limit.name.endswith(_TOKENS):
                self._left[limit] += estimated - used


def shared_limits(limits: RateLimits) -> list[SharedLimit]:
    """Return the limits that an endpoint shares with other processes."""
    kinds = ((_REQUESTS, limits.requests_per_minute), (_TOKENS, limits.tokens_per_minute))
    return [
        SharedLimit(f"{limits.shared}{kind}", rate / 60, max(1, round(rate / 60 * _BLOCK_S)))
        for kind, rate in kinds
        if rate is not None and limits.shared
    ]


def rate_limiter_for(limits: RateLimits, acquire_slots: AcquireSlots | None = None) -> RateLimiter:
    """Return the rate limiter of an endpoint: shared if it says so and slots can be acquired."""
    if limits.requests_per_minute is None and limits.tokens_per_minute is None:
        return UNLIMITED
    if limits.shared and acquire_slots is not None:
        return SharedRateLimiter(limits, acquire_slots)
    return ProcessRateLimiter(limits)


def _bucket(per_minute: float | None, now: float) -> TokenBucket | None:
    if per_minute is None:
        return None
    rate = per_minute / 60
    return TokenBucket(rate, max(1.0, rate * _BURST_S), now)
