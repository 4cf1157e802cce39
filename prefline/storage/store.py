"""The protocol of an object store, its errors, and what a key may be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol

from prefline.atomic import TEMPORARY
from prefline.errors import ObjectStoreError

WEEK = timedelta(days=7)
"""Nobody is still at work on an upload that old."""


class ObjectMissing(ObjectStoreError):
    """The store has no object under that key."""

    def __init__(self, uri: str, key: str) -> None:
        self.key = key
        super().__init__(
            f"{uri} has no object {key}",
            "check the store's address, the dataset's name and the version",
        )


class ObjectDiffers(ObjectStoreError):
    """The key of a file is taken by an object of other bytes.

    It is not replaced: a store cannot tell whether the object or the file is the damaged
    one, and readers rely on objects that never change.
    """

    def __init__(self, uri: str, key: str, difference: str) -> None:
        self.key = key
        super().__init__(
            f"{uri} has another object under {key} than the file to be put there: {difference}",
            f"nothing was written. If the key is the hash of the content, {uri}/{key} is damaged: "
            "delete that object and publish again, which puts it right for every version of it",
        )


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """An object in a listing: its size in bytes, and when it was made (an aware time)."""

    key: str
    bytes: int
    modified: datetime


Keys = list[str]
"""Keys in their order. (In a class with a method `list`, `list[str]` is no type.)"""
Entries = list[Entry]
"""Objects in the order of their keys."""


class ObjectStore(Protocol):
    """Objects under keys such as `pairs/objects/ab12.parquet`; written once, never changed.

    Methods may be called from several threads. Beside the errors named at each method,
    every one raises `ObjectStoreError` if the store fails and `ValueError` for a key that
    is not a plain relative path.
    """

    uri: str
    """The store's address as it was given, for messages."""

    @property
    def identity(self) -> str:
        """The address with the server behind it: no other store has the same."""
        ...

    def local_path(self, key: str) -> Path | None:
        """Return the file that an object is, where it can be read in place; else None."""
        ...

    def put(self, key: str, data: bytes) -> bool:
        """Create an object unless the key is taken; return True if this call created it.

        Of several callers at once, exactly one gets True, unless their bytes are the same:
        after a lost answer S3 tells one's own object by its content. Raises
        `StoreUnwritable`, `DiskFull` if there is no space, and `StoreUnsafe` if the store
        answers that it has no create-if-absent.
        """
        ...

    def put_file(self, key: str, path: Path) -> bool:
        """Do as `put` for a file of any size, in bounded memory.

        A key that is taken is believed only if the object has the file's size, and its
        bytes as far as the store can tell without sending them. Raises what `put` raises,
        and `ObjectDiffers` if the key is taken by other bytes.
        """
        ...

    def get(self, key: str) -> bytes:
        """Return the whole object. Raises `ObjectMissing`."""
        ...

    def download(self, key: str, path: Path) -> str:
        """Write an object to a file atomically, in bounded memory.

        Returns the SHA-256 of what was written, 64 hex digits. Raises `ObjectMissing`,
        `DiskFull` if there is no space for the file, and `FileError` if it cannot be written.
        """
        ...

    def size(self, key: str) -> int | None:
        """Return the size of the object in bytes, or None if there is none."""
        ...

    def list(self, prefix: str) -> Keys:
        """Return all keys that start with `prefix`, sorted; a folder not made yet has none."""
        ...

    def entries(self, prefix: str) -> Entries:
        """Do as `list`, with each object's size and age."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine. Raises `StoreUnwritable`.

        A bucket with versioning keeps it as an old version until its own rules remove it.
        """
        ...

    def abort_unfinished(self, prefix: str, older_than: timedelta = WEEK) -> Keys:
        """Remove what dead publishers left half done below `prefix`; return it, sorted.

        These are multipart uploads on S3 (named by the object's key) and temporary files in
        a folder: no listing shows them, but they take space. One that is younger than
        `older_than` may be a living publisher's. What a server does not list (MinIO lists
        an upload only to who names its key) is left to its own rules. Raises
        `StoreUnwritable`.
        """
        ...

    def check_writable(self) -> None:
        """Find out whether publishing here is possible and safe, before any work is done.

        May leave a marker that `list` does not show. Raises `StoreUnwritable` if
        nothing can be written and `StoreUnsafe` if the store lacks create-if-absent.
        """
        ...


def check_key(key: str) -> str:
    """Return the key. Raises `ValueError` if it is no relative path of plain names.

    So a folder and a bucket agree on what a key is.
    """
    for name in key.split("/"):
        if name in ("", ".", "..") or name.startswith(TEMPORARY) or "\0" in name:
            raise ValueError(f"not a key of an object: {key!r}")
    return key


@contextmanager
def open_source(path: Path) -> Iterator[BinaryIO]:
    """Open a file to upload. Raises `ObjectStoreError` if it cannot be opened."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise unreadable_source(path, error) from error
    with file:
        yield file


def unreadable_source(path: Path, error: OSError) -> ObjectStoreError:
    """Return the error for a file to upload that cannot be read."""
    return ObjectStoreError(
        f"cannot read {path}: {error.strerror or error}", "run the stage that makes it again"
    )
