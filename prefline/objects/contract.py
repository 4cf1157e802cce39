"""What publishing needs of an object store: little enough that a folder and any S3 have it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from prefline.errors import ObjectStoreError


class ObjectMissing(ObjectStoreError):
    """The store has no object under that key."""

    def __init__(self, uri: str, key: str) -> None:
        self.key = key
        super().__init__(
            f"{uri} has no object {key}",
            "check the store's address, the dataset's name and the version",
        )


class ObjectStore(Protocol):
    """Objects under keys such as `pairs/objects/ab12.parquet`; written once, never changed.

    Methods may be called from several threads. Beside the errors named at each method,
    every one raises `ObjectStoreError` if the store fails and `ValueError` for a key that
    is not a plain relative path.
    """

    uri: str
    """The store's address as it was given, for messages."""

    def put(self, key: str, data: bytes) -> bool:
        """Create an object unless the key is taken; True if this call created it.

        Of several callers at once, exactly one gets True, unless their bytes are the same:
        after a lost answer S3 tells one's own object by its content. Raises
        `StoreUnwritable`, `DiskFull` if there is no space, and `StoreUnsafe` if the store
        answers that it has no create-if-absent.
        """
        ...

    def put_file(self, key: str, path: Path) -> bool:
        """`put` for a file of any size in bounded memory; reads nothing if the key is taken.

        Raises what `put` raises.
        """
        ...

    def get(self, key: str) -> bytes:
        """The whole object. Raises `ObjectMissing`."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Write an object to a file by an atomic rename, in bounded memory.

        Raises `ObjectMissing`, and `DiskFull` if there is no space for the file.
        """
        ...

    def size(self, key: str) -> int | None:
        """How many bytes the object has, or None if there is none."""
        ...

    def list(self, prefix: str) -> list[str]:
        """All keys that start with `prefix`, sorted; a folder not made yet has none."""
        ...

    def check_writable(self) -> None:
        """Find out whether publishing here is possible and safe, before any work is done.

        May leave a marker that `list` does not show. Raises `StoreUnwritable` if
        nothing can be written and `StoreUnsafe` if the store lacks create-if-absent.
        """
        ...
