"""Any S3 as object store; `If-None-Match: *` is create-if-absent."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError, HTTPClientError

from prefline.errors import ObjectStoreError, StoreUnsafe
from prefline.objects.contract import ObjectMissing
from prefline.objects.keys import checked
from prefline.objects.s3_client import connect
from prefline.objects.s3_errors import code_of, status_of, was_retried, wrapped
from prefline.objects.s3_upload import (
    NOT_IMPLEMENTED,
    PART_BYTES,
    TAKEN,
    upload_in_parts,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LARGE_BYTES = 2 * PART_BYTES
_CONFLICT = 409
_TRIES = 6
_PROBES = ".prefline-probe/"
_PROBE = _PROBES + "create-if-absent"
_DOWNLOAD = TransferConfig(
    multipart_threshold=LARGE_BYTES,
    multipart_chunksize=PART_BYTES,
    max_concurrency=4,
    # Blocks of 256 KiB that wait for the disk: 16 MiB, where boto3's default is 250.
    max_io_queue=64,
    preferred_transfer_client="classic",
)


class S3Store:
    """The `ObjectStore` of a bucket, or of what is below a prefix in it."""

    def __init__(self, uri: str, *, single_publisher: bool = False) -> None:
        self.uri = uri
        self._bucket, path = urlsplit(uri).netloc, urlsplit(uri).path.strip("/")
        self._prefix = f"{path}/" if path else ""
        self._single_publisher = single_publisher
        self._client: S3Client = connect(uri)

    def put(self, key: str, data: bytes) -> bool:
        """Create an object unless the key is taken; see `ObjectStore`."""
        # One publisher needs no condition of the server's, but must not overwrite either.
        if self._single_publisher and self.size(key) is not None:
            return False
        with wrapped(self.uri, writing=True):
            return self._despite_conflicts(key, lambda: self._put(key, data))

    def put_file(self, key: str, path: Path) -> bool:
        """Create an object from a file unless the key is taken; see `ObjectStore`."""
        if self.size(key) is not None:
            return False
        try:
            if path.stat().st_size <= LARGE_BYTES:
                return self.put(key, path.read_bytes())
            with wrapped(self.uri, writing=True):
                return self._despite_conflicts(
                    key, lambda: upload_in_parts(self._client, **self._at(key), path=path)
                )
        except OSError as error:
            raise ObjectStoreError(
                f"cannot read {path}: {error.strerror or error}",
                "run the stage that makes it again",
            ) from error

    def get(self, key: str) -> bytes:
        """The whole object; see `ObjectStore`."""
        with wrapped(self.uri):
            for _ in range(_TRIES - 1):
                try:
                    return self._get(key)
                except HTTPClientError:
                    # boto3 tries the request again, but not a body that breaks off.
                    time.sleep(_jitter(1))
            return self._get(key)

    def download(self, key: str, path: Path) -> None:
        """Fetch an object into a file; see `ObjectStore`."""
        with landing(path) as file, wrapped(self.uri):
            try:
                self._client.download_fileobj(
                    self._bucket, self._name(key), file, Config=_DOWNLOAD
                )
            except ClientError as error:
                raise self._missing(key, error) from error

    def size(self, key: str) -> int | None:
        """How many bytes the object has; see `ObjectStore`."""
        with wrapped(self.uri):
            try:
                return self._client.head_object(**self._at(key))["ContentLength"]
            except ClientError as error:
                if not _is_missing(error):
                    raise
                return None

    def list(self, prefix: str) -> list[str]:
        """All keys that start with `prefix`; see `ObjectStore`."""
        pages = self._client.get_paginator("list_objects_v2")
        with wrapped(self.uri):
            found = [
                entry["Key"].removeprefix(self._prefix)
                for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix)
                for entry in page.get("Contents", [])
            ]
        return sorted(key for key in found if not key.startswith(_PROBES))
