"""Content ids: the same input gives the same id on any machine."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

ID_HEX_DIGITS = 16


def content_hash(value: Any) -> str:
    """SHA-256 of a JSON-serialisable value, 64 hex digits.

    The value is serialised with sorted keys and no spaces, so equal values give equal
    hashes whatever the order in which a dict was filled.
    """
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def content_id(*parts: Any) -> str:
    """The first 16 hex digits of the SHA-256 of `parts`: an id of the line's tables.

    64 bits: with ten million rows the chance of any collision is below 3 in a million
    (birthday bound n^2 / 2^65).
    """
    return content_hash(parts)[:ID_HEX_DIGITS]


def seed_from(*parts: Any) -> int:
    """A reproducible 31-bit seed for a random draw or a sampling request."""
    return int(content_hash(parts)[:8], 16) & 0x7FFFFFFF
