"""Files on S3: each is brought here first, then read as any other, and its bytes have a hash."""

from __future__ import annotations

from pathlib import Path

from prefline.errors import InputError
from prefline.ids import content_id
from prefline.sources.files import FileSource
from prefline.sources.rows import OpenedSource, work_folder
from prefline.storage import ObjectMissing, open_store


class S3Source(FileSource):
    """A file on S3, by the usual AWS variables or profile."""

    def open(self, root: Path) -> OpenedSource:
        """Fetch the file, and open it."""
        path, sha256 = fetch_file(self.path, work_folder(root))
        return self.open_file(path, sha256)

    @property
    def local_files(self) -> tuple[str, ...]:
        """None: DVC sees no file on S3."""
        return ()


def fetch_file(uri: str, work: Path) -> tuple[Path, str]:
    """Return the file at `s3://bucket/key`, fetched into `work`, and its SHA-256, 64 hex digits.

    A download that breaks off goes on where it was. One file of each address is kept, and
    overwritten by the next. Raises `InputError` for an address without a file, and what the object
    store raises.
    """
    store, _, key = uri.rpartition("/")
    if store in ("s3:", "s3:/") or not key:
        raise InputError(f"{uri!r} names no file", "write s3://bucket/folder/file.parquet")
    path = work / (content_id("source", uri) + Path(key).suffix)
    try:
        return path, open_store(store).download(key, path)
    except ObjectMissing as error:
        raise InputError(
            f"{uri} does not exist, or may not be read",
            "correct `path` of the source in params.yaml, and see that the AWS variables or "
            "profile lead to the right server and account",
        ) from error
