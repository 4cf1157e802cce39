"""How long a reply takes."""

from __future__ import annotations

import math

from prefline.simulate.config import Latency
from prefline.simulate.draws import normal, uniforms


def delay_s(latency: Latency, body: int, attempt: int) -> float:
    """Seconds until the reply to the `attempt`-th sight of a body; the same on every run."""
    if latency.distribution == "fixed":
        return latency.ms / 1000
    chance = uniforms(body.to_bytes(8, "big"), "latency", attempt)[0]
    if latency.distribution == "uniform":
        return (latency.ms + latency.spread * (2 * chance - 1)) / 1000
    return latency.ms * math.exp(latency.spread * normal(chance)) / 1000
