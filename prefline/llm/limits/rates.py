"""Requests and tokens a minute."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from prefline.config import RateLimits
from prefline.llm.token_bucket import Bucket

_BURST_S = 1.0  # of a minute's worth, at once
_BLOCK_S = 2.0
_REQUESTS, _TOKENS = "-requests", "-tokens"


class Rates(Protocol):
    """Lets calls through at an endpoint's rates."""

    async def take(self, tokens: int) -> None:
        """Wait for the turn of a call of about so many tokens."""

    def settle(self, estimated: int, used: int) -> None:
        """Correct an estimate once the tokens of the call are known."""


class NoRates:
    """No limit."""

    async def take(self, tokens: int) -> None:
        """Return at once."""

    def settle(self, estimated: int, used: int) -> None:
        """Do nothing."""


class OwnRates:
    """The rates of an endpoint that this process has to itself."""

    def __init__(self, limits: RateLimits) -> None:
        now = asyncio.get_running_loop().time()
        self._calls = _bucket(limits.requests_per_minute, now)
        self._tokens = _bucket(limits.tokens_per_minute, now)

    async def take(self, tokens: int) -> None:
        """Wait for the turn of a call of about so many tokens."""
        now = asyncio.get_running_loop().time()
        waits = [
            bucket.reserve(cost, now)
            for bucket, cost in ((self._calls, 1), (self._tokens, tokens))
            if bucket is not None
        ]
        due = max(waits)
        if due > 0:
            await asyncio.sleep(due)

    def settle(self, estimated: int, used: int) -> None:
        """Correct an estimate once the tokens of the call are known."""
        if self._tokens is not None:
            self._tokens.give_back(estimated - used)


class Lease(Protocol):
    """Leases from a limit that processes share."""

    def __call__(self, name: str, units: int) -> float:
        """Lease units of the limit `name`: 0 if they are leased, else the seconds to wait
        before asking again. May block for a round trip."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A limit that processes share: its name, and the block that is leased at a time, which
    is two seconds' worth."""

    name: str
    per_second: float
    block: int


class SharedRates:
    """The rates of an endpoint that other processes call too.

    Units are leased a block at a time, so that the server that keeps the limits is asked
    every two seconds and never per call.
    """

    def __init__(self, limits: RateLimits, lease: Lease) -> None:
        self._lease = lease
        self._left = dict.fromkeys(shared_limits(limits), 0.0)
        self._turn = asyncio.Lock()

    async def take(self, tokens: int) -> None:
        """Wait for the turn of a call of about so many tokens."""
        async with self._turn:
            for limit in self._left:
                cost = 1 if limit.name.endswith(_REQUESTS) else tokens
                while self._left[limit] < cost:
                    wait_s = await asyncio.to_thread(self._lease, limit.name, limit.block)
                    if wait_s > 0:
                        await asyncio.sleep(wait_s)
                    else:
                        self._left[limit] += limit.block
                self._left[limit] -= cost

    def settle(self, estimated: int, used: int) -> None:
        """Correct an estimate once the tokens of the call are known."""
        for limit in self._left:
            if limit.name.endswith(_TOKENS):
                self._left[limit] += estimated - used


def shared_limits(limits: RateLimits) -> list[Shared]:
    """The limits that an endpoint shares."""
    kinds = ((_REQUESTS, limits.requests_per_minute), (_TOKENS, limits.tokens_per_minute))
    return [
        Shared(f"{limits.shared}{kind}", rate / 60, max(1, round(rate / 60 * _BLOCK_S)))
        for kind, rate in kinds
        if rate is not None and limits.shared
    ]


def rates_of(limits: RateLimits, lease: Lease | None = None) -> Rates:
    """The rates of an endpoint: shared if it says so and there is somebody to lease from."""
    if limits.requests_per_minute is None and limits.tokens_per_minute is None:
        return NoRates()
    if limits.shared and lease is not None:
        return SharedRates(limits, lease)
    return OwnRates(limits)


def _bucket(per_minute: float | None, now: float) -> Bucket | None:
    if per_minute is None:
        return None
    rate = per_minute / 60
    return Bucket(rate, max(1.0, rate * _BURST_S), now)
