"""Files and folders that appear whole or not at all: a temporary name first, then a rename."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from prefline.errors import DiskFull, FileError

TEMPORARY = ".prefline-tmp-"
"""The beginning of the name of an unfinished file."""

_SURELY_LOCKED_S = 60.0  # the age at which whoever writes a temporary file has long locked it


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write, and put it at `path` when the block ends without an error.

    The file survives a power cut from then on. Whatever was at `path` stays until then, and for
    good if the block fails. Missing parent folders are made, and what killed processes have left
    there unfinished is removed. Raises `DiskFull`, and `FileError` if `path` cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path.parent)
        with temporary_file(path.parent) as (file, temporary):
            yield file
            sync(file)
            temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_full(error, path) or FileError(
            f"cannot write {path}: {error.strerror or error}",
            "name a place that this user may write to",
        ) from error


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to write into, and put it in the place of `folder` when the block ends.

    If the block fails, what was at `folder` stays. What killed processes of this machine left of
    earlier attempts is removed. Raises `DiskFull`.
    """
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
    with disk_errors(folder):
        for abandoned in folder.parent.glob(f".{folder.name}.[0-9]*.draft"):
            process = int(abandoned.name.split(".")[-2])
            if process == os.getpid() or not is_alive(process):
                shutil.rmtree(abandoned, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            yield draft
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


@contextmanager
def temporary_file(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Make a new file under a temporary name in `folder`, and remove that name afterwards.

    It is locked as long as it is open: one that is not is abandoned. Raises `OSError` as the
    disk does.
    """
    path = folder / f"{TEMPORARY}{secrets.token_hex(8)}"
    with path.open("x+b") as file:
        try:
            with suppress(OSError):  # a disk without locks: then nobody can take it for abandoned
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file, path
        finally:
            path.unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    for path in folder.glob(f"{TEMPORARY}*"):
        with suppress(OSError), path.open("r+b") as file:  # locked, or removed by another
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - path.stat().st_mtime > _SURELY_LOCKED_S:
                path.unlink()


def sync(file: BinaryIO) -> None:
    """Make the bytes of a file survive a power cut."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raise `DiskFull` where the block finds no space left while it writes `path`."""
    try:
        yield
    except OSError as error:
        full = disk_full(error, path)
        if full is None:
            raise
        raise full from error


def disk_full(error: OSError, path: Path) -> DiskFull | None:
    """Return the error for "no space left" while writing `path`; None if `error` is another."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return DiskFull(
        f"no space left while writing {path}",
        "free space there and run the same command again: nothing that is stored, and nothing "
        "that was paid for, is lost",
    )


def is_alive(process: int) -> bool:
    """Tell whether a process of this number runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
