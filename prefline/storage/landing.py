"""How a file lands on a disk: under a temporary name, synced, then given its name at once."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from prefline.errors import DiskFull, ObjectStoreError
from prefline.storage.keys import TEMPORARY


@contextmanager
def unfinished(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file under a temporary name in `folder`; the name is gone afterwards.

    Raises `OSError` as the disk does.
    """
    path = folder / f"{TEMPORARY}{secrets.token_hex(8)}"
    # "+": boto3 seeks, because parts of a download arrive in any order.
    with path.open("x+b") as file:
        try:
            yield file, path
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def landing(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which is at `path` once the block ends well, and nowhere if not.

    Raises `DiskFull`, and `ObjectStoreError` if `path` cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished(path.parent) as (file, temporary):
            yield file
            sync(file)
            temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_full(error, path) or ObjectStoreError(
            f"cannot write {path}: {error.strerror or error}",
            "name a place that this user may write to",
        ) from error


def sync(file: BinaryIO) -> None:
    """Make a file's bytes survive a power cut."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def disk_full(error: OSError, path: Path) -> DiskFull | None:
    """The error for "no space left" while writing `path`; None if `error` is another one."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return DiskFull(
        f"no space left while writing {path}",
        "free space there and run the same command again: what is stored is kept",
    )
