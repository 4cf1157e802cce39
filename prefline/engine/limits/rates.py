"""Requests and tokens a minute."""

from __future__ import annotations

import asyncio
from typing import Protocol

from prefline.params import RateLimits
from prefline.token_bucket import Bucket

_BURST_S = 1.0  # of a minute's worth, at once


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


def rates_of(limits: RateLimits) -> Rates:
    """The rates of an endpoint that this process has to itself."""
    if limits.requests_per_minute is None and limits.tokens_per_minute is None:
        return NoRates()
    return OwnRates(limits)


def _bucket(per_minute: float | None, now: float) -> Bucket | None:
    if per_minute is None:
        return None
    rate = per_minute / 60
    return Bucket(rate, max(1.0, rate * _BURST_S), now)
