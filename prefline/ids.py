"""Content ids and hashes: the same input gives the same on any machine."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
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
    """Return the first 16 hex digits of the SHA-256 of `parts`: an id of the pipeline's tables.

    64 bits: with ten million rows the chance of any collision is below 3 in a million
    (birthday bound n^2 / 2^65).
    """
    return content_hash(parts)[:ID_HEX_DIGITS]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=64)  # asked for again and again on the way of a pair through a stage
def pair_id(one: str, other: str) -> str:
    """Id of a pair of responses, whatever their order."""
    return content_id("pair", *sorted((one, other)))


def lot(*parts: Any) -> float:
    """Return a reproducible draw from [0, 1): the same parts always draw the same lot."""
    return int(content_hash(parts)[:8], 16) / 2**32


def seed_from(*parts: Any) -> int:
    """Return a reproducible 31-bit seed for a random draw or a sampling request."""
    return int(content_hash(parts)[:8], 16) & 0x7FFFFFFF


def drawn_order(pair: str, lower: str, upper: str) -> tuple[str, str]:
    """Return the two responses of a pair in the order in which people see them, drawn by hash."""
    turned = int(content_hash(["order", pair])[0], 16) % 2
    return (upper, lower) if turned else (lower, upper)


def in_random_share(pair: str, seed: int, share: float) -> bool:
    """Tell whether a pair is of the random share that people are asked about.

    By its id and the seed alone, whatever was said of it or answered, so that the share is an
    unbiased sample of all pairs.
    """
    return lot("review", seed, pair) < share
