"""Random draws without a state: the same key gives the same numbers, in any order and process."""

from __future__ import annotations

import hashlib
import struct
from statistics import NormalDist

_STANDARD = NormalDist()
_EIGHT = struct.Struct(">8Q")
_STEPS = 2.0**52


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
    first, second, third, fourth, *_ = _EIGHT.unpack(raw)
    # 52 bits and a half: every such number is exact, and none rounds to 0 or 1.
    return (
        ((first >> 12) + 0.5) / _STEPS,
        ((second >> 12) + 0.5) / _STEPS,
        ((third >> 12) + 0.5) / _STEPS,
        ((fourth >> 12) + 0.5) / _STEPS,
    )


def normal(uniform: float) -> float:
    """The standard normal quantile of a uniform draw."""
    return _STANDARD.inv_cdf(uniform)
