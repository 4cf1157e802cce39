"""Copying and comparing files block by block, in memory that does not grow with them."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

BLOCK = 1 << 20


def copy_hashed(source: BinaryIO, target: BinaryIO) -> str:
    """Copy a file to another; the SHA-256 of what was copied, 64 hex digits.

    Raises `OSError` as the disk does.
    """
    digest = hashlib.sha256()
    block = memoryview(bytearray(BLOCK))
    while count := source.readinto(block):  # type: ignore[attr-defined]
        digest.update(block[:count])
        target.write(block[:count])
    return digest.hexdigest()


def same_bytes(one: BinaryIO, other: BinaryIO) -> bool:
    """Whether two files have the same bytes from where they stand on; `OSError` as the disk."""
    while True:
        block = one.read(BLOCK)
        if block != other.read(BLOCK):
            return False
        if not block:
            return True
