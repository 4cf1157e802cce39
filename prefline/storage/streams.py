"""Copying and comparing files block by block, in memory that does not grow with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from prefline.errors import ObjectStoreError

BLOCK = 1 << 20


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file of the line to read; raises `ObjectStoreError` if it cannot be opened."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error
    with file:
        yield file


def unreadable(path: Path, error: OSError) -> ObjectStoreError:
    """The error for a file of the line that cannot be read."""
    return ObjectStoreError(
        f"cannot read {path}: {error.strerror or error}", "run the stage that makes it again"
    )


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
