"""How long to wait before another try."""

from __future__ import annotations

import random

_FIRST_S = 0.5


def back_off_s(tries: int, longest_s: float, asked_s: float | None, draw: random.Random) -> float:
    """Seconds to wait after `tries` failed tries.

    What the server asked for binds from below. Otherwise exponential back-off with full
    jitter: uniform in [0, min(longest, 0.5 * 2^(tries-1))], the variant with the fewest
    calls under contention in AWS's "Exponential Backoff And Jitter" (Brooker, 2015).
    """
    ceiling = min(longest_s, _FIRST_S * 2 ** min(tries - 1, 32))
    jitter = draw.uniform(0, ceiling)
    # Spread those that were all told the same second, without coming back early.
    return asked_s + min(jitter, 1.0) if asked_s is not None else jitter
