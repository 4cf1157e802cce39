"""Latency, and rate limits: token buckets that know when to come back."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime

from prefline.llm.rate_limits import TokenBucket
from prefline.simulator.config import Latency, Limits, RetryAfter
from prefline.simulator.truth import normal_quantile, uniforms

DEFAULT_MAX_TOKENS = 256


def latency_s(latency: Latency, body: int, attempt: int) -> float:
    """Return the seconds until the reply to the `attempt`-th request (from 0) with a body."""
    if latency.distribution == "fixed":
        return latency.ms / 1000
    chance = uniforms(body.to_bytes(8, "big"), "latency", attempt)[0]
    if latency.distribution == "uniform":
        return (latency.ms + latency.spread * (2 * chance - 1)) / 1000
    return latency.ms * math.exp(latency.spread * normal_quantile(chance)) / 1000


class RateLimiter:
    """Limits requests and tokens a minute for the whole server, first come first served."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._requests = _bucket(limits.requests_per_minute, limits.burst_s, now)
        self._tokens = _bucket(limits.tokens_per_minute, limits.burst_s, now)

    @property
    def counts_tokens(self) -> bool:
        """Return whether tokens are limited."""
        return self._tokens is not None

    def admit(self, tokens: int, now: float) -> float:
        """Charge the request and return 0, or the seconds after which it would be admitted."""
        charges = [(self._requests, 1.0), (self._tokens, float(tokens))]
        limited = [(bucket, cost) for bucket, cost in charges if bucket is not None]
        wait = max((bucket.wait(cost, now) for bucket, cost in limited), default=0.0)
        if wait == 0:
            for bucket, cost in limited:
                bucket.take(cost)
        return wait


def retry_headers(seconds: float, style: RetryAfter) -> dict[str, str]:
    """Return the headers that tell a client to come back after `seconds`.

    `Retry-After` has whole seconds, rounded up, or a date; `retry-after-ms` is OpenAI's.
    """
    if style == "date":
        later = datetime.fromtimestamp(math.ceil(datetime.now(UTC).timestamp() + seconds), UTC)
        return {"Retry-After": format_datetime(later, usegmt=True)}
    whole = {"Retry-After": str(math.ceil(seconds))}
    exact = {"retry-after-ms": str(math.ceil(seconds * 1000))}
    styles = {"seconds": whole, "milliseconds": exact, "both": whole | exact}
    return styles.get(style, {})


def _bucket(per_minute: float | None, burst_s: float, now: float) -> TokenBucket | None:
    if per_minute is None:
        return None
    return TokenBucket(per_minute / 60, max(1.0, per_minute / 60 * burst_s), now)
