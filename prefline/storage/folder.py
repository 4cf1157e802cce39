"""A folder as object store: an object is a file, and a hard link is create-if-absent."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from prefline.atomic import TEMPORARY, atomic_write, disk_full, sync, sync_folder, temporary_file
from prefline.errors import ObjectStoreError, StoreUnsafe, StoreUnwritable
from prefline.storage.store import (
    WEEK,
    Entries,
    Entry,
    Keys,
    ObjectDiffers,
    ObjectMissing,
    check_key,
    open_source,
)

_BLOCK = 1 << 20
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


class FolderStore:
    """The `ObjectStore` of a local or mounted folder; it is made on the first write."""

    def __init__(self, uri: str, *, single_publisher: bool = False) -> None:
        self.uri = uri
        self._root = Path(uri).expanduser().absolute()
        self._single_publisher = single_publisher

    @property
    def identity(self) -> str:
        """The folder's absolute path."""
        return str(self._root)

    def local_path(self, key: str) -> Path | None:
        """Return the file itself; see `ObjectStore`."""
        return self._root / check_key(key)

    def put(self, key: str, data: bytes) -> bool:
        """Create an object unless the key is taken; see `ObjectStore`."""
        return self._create(key, lambda file: file.write(data))

    def put_file(self, key: str, path: Path) -> bool:
        """Create an object from a file unless the key is taken; see `ObjectStore`."""
        with open_source(path) as source:
            if self.size(key) is None and self._create(
                key, lambda file: shutil.copyfileobj(source, file, _BLOCK)
            ):
                return True
            source.seek(0)
            self._compare(key, source)
        return False

    def get(self, key: str) -> bytes:
        """Return the whole object; see `ObjectStore`."""
        with self._reading(key) as file:
            return file.read()

    def download(self, key: str, path: Path) -> str:
        """Copy an object to a file; see `ObjectStore`."""
        digest = hashlib.sha256()
        with self._reading(key) as source, atomic_write(path) as target:
            while block := source.read(_BLOCK):
                digest.update(block)
                target.write(block)
        return digest.hexdigest()

    def size(self, key: str) -> int | None:
        """Return the size of the object in bytes; see `ObjectStore`."""
        try:
            with self._reading(key) as file:
                return os.fstat(file.fileno()).st_size
        except ObjectMissing:
            return None

    def list(self, prefix: str) -> Keys:
        """Return all keys that start with `prefix`; see `ObjectStore`."""
        with self._listing():
            return sorted(key for key in self._files(prefix) if not _is_unfinished(key))

    def entries(self, prefix: str) -> Entries:
        """Return the objects whose keys start with `prefix`; see `ObjectStore`."""
        with self._listing():
            return sorted(
                Entry(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))
                for key, stat in self._stats(prefix)
                if not _is_unfinished(key)
            )

    def delete(self, key: str) -> None:
        """Remove an object; see `ObjectStore`. Its folder stays: another may be put there."""
        path = self._root / check_key(key)
        with self._writing(path), suppress(NotADirectoryError):
            path.unlink(missing_ok=True)

    def abort_unfinished(self, prefix: str, older_than: timedelta = WEEK) -> Keys:
        """Remove the temporary files of dead publishers; see `ObjectStore`."""
        latest = (datetime.now(UTC) - older_than).timestamp()
        with self._listing():
            names = sorted(
                name
                for name, stat in self._stats(prefix)
                if _is_unfinished(name) and stat.st_mtime <= latest
            )
        for name in names:
            with self._writing(self._root / name):
                (self._root / name).unlink(missing_ok=True)
        return names

    def check_writable(self) -> None:
        """Create an object twice and remove it; see `ObjectStore`."""
        with self._writing(self._root):
            _make(self._root)
            target = self._root / f"{TEMPORARY}{secrets.token_hex(8)}"
            with temporary_file(self._root) as (_, temporary):
                try:
                    first, second = (self._link(temporary, target) for _ in range(2))
                finally:
                    target.unlink(missing_ok=True)
        if not first or second:
            raise self._unsafe()

    def _create(self, key: str, write: Callable[[BinaryIO], object]) -> bool:
        target = self._root / check_key(key)
        with self._writing(target):
            _make(target.parent)
            with temporary_file(target.parent) as (file, temporary):
                write(file)
                sync(file)
                created = self._link(temporary, target)
            sync_folder(target.parent)
        return created

    def _link(self, temporary: Path, target: Path) -> bool:
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return self._rename(temporary, target, error)
        return True

    def _rename(self, temporary: Path, target: Path, error: OSError) -> bool:
        """Create `target` where there are no links: two callers at once may both win."""
        if not self._single_publisher:
            raise self._unsafe() from error
        if target.exists():
            return False
        temporary.replace(target)
        temporary.touch()  # the caller removes it
        return True

    def _compare(self, key: str, source: BinaryIO) -> None:
        """Raise `ObjectDiffers` unless the object has the bytes of the file.

        Reading it costs no more than writing it would have, and a damaged disk shows in
        the bytes, not in the size.
        """
        with self._reading(key) as stored:
            sizes = [os.fstat(file.fileno()).st_size for file in (stored, source)]
            if sizes[0] != sizes[1]:
                raise ObjectDiffers(self.uri, key, f"{sizes[0]} bytes, not {sizes[1]}")
            if not _have_same_bytes(stored, source):
                raise ObjectDiffers(self.uri, key, f"as many bytes, {sizes[0]}, but not the same")

    def _files(self, prefix: str) -> Iterator[str]:
        """Yield the paths of all files whose path below the root starts with `prefix`."""

        def report(error: OSError) -> None:
            # Not there (yet), or no folder: nothing is under that prefix.
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                raise error

        for parent, _, names in os.walk(self._root / prefix.rpartition("/")[0], onerror=report):
            for name in names:
                key = (Path(parent) / name).relative_to(self._root).as_posix()
                if key.startswith(prefix):
                    yield key

    def _stats(self, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
        for key in self._files(prefix):
            try:
                yield key, (self._root / key).stat()
            except FileNotFoundError:  # deleted, or finished, since it was listed
                continue

    @contextmanager
    def _reading(self, key: str) -> Iterator[BinaryIO]:
        path = self._root / check_key(key)
        try:
            file = path.open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ObjectMissing(self.uri, key) from error
        except OSError as error:
            raise self._unreadable(path, error) from error
        with file:
            yield file

    @contextmanager
    def _listing(self) -> Iterator[None]:
        if self._root.exists() and not self._root.is_dir():
            raise ObjectStoreError(
                f"{self._root} is a file, not the folder of a store", "check the store's address"
            )
        try:
            yield
        except OSError as error:
            raise self._unreadable(self._root, error) from error

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise disk_full(error, path) or StoreUnwritable(
                f"cannot write {path}: {error.strerror or error}",
                f"check that {self.uri} is a folder that this user may write to",
            ) from error

    def _unreadable(self, path: Path, error: OSError) -> ObjectStoreError:
        return ObjectStoreError(
            f"cannot read {path}: {error.strerror or error}",
            f"check that {self.uri} is a folder that this user may read",
        )

    def _unsafe(self) -> StoreUnsafe:
        return StoreUnsafe(
            f"{self.uri} has no hard links, so two publishers at once could take the same version "
            "number and overwrite each other; what one publisher writes alone is whole and right",
            "use a folder on a file system with hard links, or S3; or, if there is never more "
            "than one publisher at once, set publish.single_publisher: true in params.yaml",
        )


def _is_unfinished(key: str) -> bool:
    return key.rpartition("/")[2].startswith(TEMPORARY)


def _have_same_bytes(left: BinaryIO, right: BinaryIO) -> bool:
    while True:
        block = left.read(_BLOCK)
        if block != right.read(_BLOCK):
            return False
        if not block:
            return True


def _make(folder: Path) -> None:
    """Make a folder and those above it, each of them synced into the one that holds it."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)
