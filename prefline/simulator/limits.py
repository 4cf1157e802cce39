"""Rate limits: token buckets that know when to come back."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime

from prefline.llm.rate_limits import TokenBucket
from prefline.simulator.config import Limits, RetryAfter

DEFAULT_MAX_TOKENS = 256


class RateLimiter:
    """Requests and tokens a minute for the whole server, first come first served."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._requests = _bucket(limits.requests_per_minute, limits.burst_s, now)
        self._tokens = _bucket(limits.tokens_per_minute, limits.burst_s, now)

    def admit(self, tokens: int, now: float) -> float:
        """0 and the request is charged, or the seconds after which it would be admitted."""
        charges = [(self._requests, 1.0), (self._tokens, float(tokens))]
        known = [(bucket, cost) for bucket, cost in charges if bucket is not None]
        wait = max((bucket.wait(cost, now) for bucket, cost in known), default=0.0)
        if wait == 0:
            for bucket, cost in known:
                bucket.take(cost)
        return wait

    @property
    def counts_tokens(self) -> bool:
        """Whether a request's tokens matter at all."""
        return self._tokens is not None


def retry_headers(seconds: float, style: RetryAfter) -> dict[str, str]:
    """The headers that tell a client to come back after `seconds`.

    `Retry-After` has whole seconds, rounded up, or a date; `retry-after-ms` is OpenAI's.
    """
    whole = {"Retry-After": str(math.ceil(seconds))}
    exact = {"retry-after-ms": str(math.ceil(seconds * 1000))}
    if style == "date":
        later = datetime.fromtimestamp(math.ceil(datetime.now(UTC).timestamp() + seconds), UTC)
        return {"Retry-After": format_datetime(later, usegmt=True)}
    shown = {"seconds": whole, "milliseconds": exact, "both": whole | exact}
    return shown.get(style, {})


def _bucket(per_minute: float | None, burst_s: float, now: float) -> TokenBucket | None:
    if per_minute is None:
        return None
    return TokenBucket(per_minute / 60, max(1.0, per_minute / 60 * burst_s), now)
