"""Random draws without a state: the same key gives the same numbers, in any order and process."""

from __future__ import annotations

import hashlib
from statistics import NormalDist

_STANDARD = NormalDist()


def key_of(*parts: bytes) -> bytes:
    """A 16-byte key that stands for `parts` in this order."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        # The length goes in too, so that (b"ab", b"c") and (b"a", b"bc") differ.
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def uniforms(key: bytes, purpose: str, index: int = 0) -> tuple[float, float, float, float]:
    """Four independent draws from (0, 1) for one purpose."""
    raw = hashlib.blake2b(key + index.to_bytes(8, "big") + purpose.encode()).digest()
    numbers = (int.from_bytes(raw[start : start + 8], "big") for start in (0, 8, 16, 24))
    # 52 bits and a half: every such number is exact, and none rounds to 0 or 1.
    first, second, third, fourth = (((number >> 12) + 0.5) / 2.0**52 for number in numbers)
    return first, second, third, fourth


def normal(uniform: float) -> float:
    """The standard normal quantile of a uniform draw."""
    return _STANDARD.inv_cdf(uniform)
