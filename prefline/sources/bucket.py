"""A file on S3, brought here first: then it is read as any other, and its bytes have a hash."""

from __future__ import annotations

from pathlib import Path

from prefline.errors import InputError
from prefline.ids import content_id
from prefline.storage import ObjectMissing, open_store


def fetch(uri: str, work: Path) -> tuple[Path, str]:
    """The file at `s3://bucket/key` in the folder `work`, and its SHA-256, 64 hex digits.

    A download that breaks off goes on where it was. One file of each address is kept, and
    overwritten by the next. Raises `InputError` for an address without a file, and what the object
    store raises.
    """
    where, _, key = uri.rpartition("/")
    if where in ("s3:", "s3:/") or not key:
        raise InputError(f"{uri!r} names no file", "write s3://bucket/folder/file.parquet")
    path = work / (content_id("source", uri) + Path(key).suffix)
    try:
        return path, open_store(where).download(key, path)
    except ObjectMissing as error:
        raise InputError(
            f"{uri} does not exist, or may not be read",
            "correct `path` of the source in params.yaml, and see that the AWS variables or "
            "profile lead to the right server and account",
        ) from error
