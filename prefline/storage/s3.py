"""Any S3 as object store; `If-None-Match: *` is create-if-absent.

Files travel by boto3's transfer manager: large ones in parts, several at once, each part with a
checksum. An upload that was killed begins again; its parts stay, unseen, until `gc` removes them.
"""

from __future__ import annotations

import base64
import os
import random
import secrets
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict, TypeVar

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from prefline.atomic import atomic_write
from prefline.errors import StoreUnsafe
from prefline.ids import sha256_of
from prefline.storage.opening import StoreOptions
from prefline.storage.s3_client import connect, sends_checksums, storage_arguments
from prefline.storage.s3_errors import (
    is_missing,
    is_transient,
    is_upload_gone,
    s3_errors,
    status_of,
    was_retried,
)
from prefline.storage.store import (
    WEEK,
    Entries,
    Entry,
    Keys,
    ObjectDiffers,
    ObjectMissing,
    check_key,
    open_source,
    unreadable_source,
)

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef
    from s3transfer.manager import TransferManager

PART_BYTES = 8 << 20
"""A file of this size or more travels in parts of this size."""
_PARTS_AT_ONCE = 10  # of all files together
_BLOCK = 1 << 20
_TRIES = 7
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 5.0

_BAD_REQUEST, _TAKEN, _NOT_IMPLEMENTED = 400, 412, 501
# One CRC-32 of the whole object, which a later publisher can compare with its file.
_WHOLE_CHECKSUM = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}

# Stays in the store, so that every publish after the first needs one request to learn
# that the condition is honoured; `list` leaves it out.
_PROBE = ".prefline-probe/create-if-absent"

T = TypeVar("T")


class _Address(TypedDict):
    """The arguments of boto3 that name an object."""

    Bucket: str
    Key: str


class S3Store:
    """The `ObjectStore` of a bucket, or of what is below a prefix in it."""

    def __init__(self, uri: str, options: StoreOptions) -> None:
        self.uri = uri
        # By hand: a prefix may have a "#" or "?", which would end the path of a URL.
        self._bucket, _, folder = uri.removeprefix("s3://").partition("/")
        folder = folder.strip("/")
        self._prefix = f"{folder}/" if folder else ""
        self._single_publisher = options.single_publisher
        self._storage_arguments = storage_arguments(options)
        self._client = connect(uri, options)
        self._completion = _Completion()
        self._client.meta.events.register(
            "before-parameter-build.s3.CompleteMultipartUpload", self._completion.add_condition
        )

    @property
    def identity(self) -> str:
        """The server's address and the bucket with the prefix."""
        return f"{self._client.meta.endpoint_url} {self._bucket}/{self._prefix}"

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002
        """Return None: nothing is here; see `ObjectStore`."""
        return None

    def put(self, key: str, data: bytes) -> bool:
        """Create an object unless the key is taken; see `ObjectStore`."""
        with s3_errors(self.uri, writing=True):
            return self._create(self._address(key), data)

    def put_file(self, key: str, path: Path) -> bool:
        """Create an object from a file unless the key is taken; see `ObjectStore`."""
        address = self._address(key)
        with open_source(path) as file, s3_errors(self.uri, writing=True):
            try:
                head = self._head(address)
                if head is None:
                    if self._create_from(address, file, path):
                        return True
                    head = self._head(address)
                difference = _difference(head, file) if head else "it was deleted meanwhile"
            except BotoCoreError:  # some of these are an OSError
                raise
            except OSError as error:
                raise unreadable_source(path, error) from error
        if difference:
            raise ObjectDiffers(self.uri, key, difference)
        return False

    def get(self, key: str) -> bytes:
        """Return the whole object; see `ObjectStore`."""
        address = self._address(key)
        with self._reading(key):
            return _retried(lambda: self._read(address))

    def download(self, key: str, path: Path) -> str:
        """Fetch an object into a file; see `ObjectStore`."""
        address = self._address(key)
        with atomic_write(path) as file, self._reading(key):
            _retried(lambda: self._fetch(address, file))
            file.flush()
            return sha256_of(Path(file.name))

    def size(self, key: str) -> int | None:
        """Return the size of the object in bytes; see `ObjectStore`."""
        with s3_errors(self.uri):
            head = self._head(self._address(key))
        return None if head is None else head["ContentLength"]

    def list(self, prefix: str) -> Keys:
        """Return all keys that start with `prefix`; see `ObjectStore`."""
        return [entry.key for entry in self.entries(prefix)]

    def entries(self, prefix: str) -> Entries:
        """Return the objects whose keys start with `prefix`; see `ObjectStore`."""
        pages = self._client.get_paginator("list_objects_v2")
        with s3_errors(self.uri):
            entries = [
                Entry(item["Key"].removeprefix(self._prefix), item["Size"], item["LastModified"])
                for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix)
                for item in page.get("Contents", [])
            ]
        # A key that ends in a slash is a folder that some browser of buckets made.
        return sorted(
            entry for entry in entries if entry.key != _PROBE and not entry.key.endswith("/")
        )

    def delete(self, key: str) -> None:
        """Remove an object; see `ObjectStore`."""
        with s3_errors(self.uri, writing=True):
            self._client.delete_object(**self._address(key))

    def abort_unfinished(self, prefix: str, older_than: timedelta = WEEK) -> Keys:
        """Remove the parts of uploads that nobody finishes; see `ObjectStore`."""
        latest = datetime.now(UTC) - older_than
        pages = self._client.get_paginator("list_multipart_uploads")
        with s3_errors(self.uri, writing=True):
            uploads = [
                (upload["Key"], upload["UploadId"])
                for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix)
                for upload in page.get("Uploads", [])
                if upload["Initiated"] <= latest
            ]
            for name, upload_id in uploads:
                self._abort(name, upload_id)
        return sorted(name.removeprefix(self._prefix) for name, _ in uploads)

    def check_writable(self) -> None:
        """Create an object that must not be created twice; see `ObjectStore`."""
        with s3_errors(self.uri, writing=True):
            if self._single_publisher:
                self._put(self._address(_PROBE), b"")
                return
            # No two probes alike: `put` tells its own object by the content.
            probes = (secrets.token_hex(16).encode() for _ in range(2))
            if all(self.put(_PROBE, probe) for probe in probes):
                raise self._unsafe()

    def _create(self, address: _Address, data: bytes) -> bool:
        if self._single_publisher:
            # Without the server's help: right as long as nobody else writes.
            if self._head(address) is not None:
                return False
            self._put(address, data)
            return True
        try:
            self._put(address, data, IfNoneMatch="*")
        except ClientError as error:
            if status_of(error) == _NOT_IMPLEMENTED:
                raise self._unsafe() from error
            if status_of(error) != _TAKEN:
                raise
            # Of a call that boto3 tried twice, the first may have got through: the key is
            # then taken by this very call.
            return was_retried(error) and self._read(address) == data
        return True

    def _put(self, address: _Address, data: bytes, **condition: Any) -> None:
        arguments = {**address, **self._storage_arguments, **condition}
        _retried(lambda: self._client.put_object(**arguments, Body=data))

    def _create_from(self, address: _Address, file: BinaryIO, path: Path) -> bool:
        size = os.fstat(file.fileno()).st_size
        if size < PART_BYTES:
            return self._create(address, file.read())
        return _retried(lambda: self._upload(address, path, size))

    def _upload(self, address: _Address, path: Path, size: int) -> bool:
        checksum = _WHOLE_CHECKSUM if sends_checksums(self._client) else {}
        while True:
            try:
                self._transfers.upload(
                    str(path),
                    address["Bucket"],
                    address["Key"],
                    extra_args={**self._storage_arguments, **checksum},
                ).result()
            except ClientError as error:
                status, operation = status_of(error), error.operation_name
                begins, ends = (
                    operation == f"{name}MultipartUpload" for name in ("Create", "Complete")
                )
                # Of a call that boto3 tried twice, the first may have got through.
                if ends and was_retried(error) and self._size(address) == size:
                    return True
                if ends and status == _TAKEN:
                    return False
                if begins and checksum and status in (_BAD_REQUEST, _NOT_IMPLEMENTED):
                    checksum = {}
                elif ends and self._completion.if_absent and status == _NOT_IMPLEMENTED:
                    # Some servers know the condition for whole objects only. What is large is
                    # named by its content, so another publisher's object has the same bytes.
                    self._completion.if_absent = False
                else:
                    raise
            else:
                return True

    @cached_property
    def _transfers(self) -> TransferManager:
        """One for all callers, so that memory and threads do not grow with their number."""
        config = TransferConfig(
            multipart_threshold=PART_BYTES,
            multipart_chunksize=PART_BYTES,
            max_concurrency=_PARTS_AT_ONCE,
            preferred_transfer_client="classic",
        )
        return create_transfer_manager(self._client, config)

    def _read(self, address: _Address) -> bytes:
        with closing(self._client.get_object(**address)["Body"]) as body:
            return body.read()

    def _fetch(self, address: _Address, file: BinaryIO) -> None:
        file.seek(0)
        file.truncate()
        self._transfers.download(address["Bucket"], address["Key"], file).result()

    def _head(self, address: _Address) -> HeadObjectOutputTypeDef | None:
        """Ask what the server says of an object, its checksum too; None if there is none."""
        try:
            return self._client.head_object(**address, ChecksumMode="ENABLED")
        except ClientError as error:
            if not is_missing(error):
                raise
            return None

    def _size(self, address: _Address) -> int | None:
        head = self._head(address)
        return None if head is None else head["ContentLength"]

    def _abort(self, name: str, upload_id: str) -> None:
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=upload_id)
        except ClientError as error:
            if not is_upload_gone(error):
                raise

    def _address(self, key: str) -> _Address:
        return {"Bucket": self._bucket, "Key": self._prefix + check_key(key)}

    @contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        with s3_errors(self.uri):
            try:
                yield
            except ClientError as error:
                if not is_missing(error):
                    raise
                raise ObjectMissing(self.uri, key) from error

    def _unsafe(self) -> StoreUnsafe:
        return StoreUnsafe(
            f"{self.uri}: the server has no create-if-absent (If-None-Match), so two publishers at "
            "once could take the same version number and overwrite each other's manifest and "
            "channel; data files, named by their content, and what one publisher writes alone "
            "stay right",
            "use a store that honours it (AWS, MinIO, R2, Ceph, SeaweedFS); or, if there is never "
            "more than one publisher at once, set publish.single_publisher: true in params.yaml",
        )


class _Completion:
    """The condition that a multipart upload ends only if its key is still free.

    The transfer manager lets no caller say it, so an event of the client does. The event must not
    refer to the store, which refers to the client: connections would stay open until a collection.
    """

    def __init__(self) -> None:
        self.if_absent = True

    def add_condition(self, params: dict[str, Any], **_: object) -> None:
        if self.if_absent:
            params["IfNoneMatch"] = "*"


def _retried(call: Callable[[], T]) -> T:
    """Call again, with backoff, while it fails in a way that boto3 leaves to its caller."""
    for attempt in range(_TRIES):
        try:
            return call()
        except (ClientError, BotoCoreError, HTTPError) as error:
            if not is_transient(error) or attempt == _TRIES - 1:
                raise
            wait = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
            # Half of it by chance, so that callers who failed together do not meet again.
            time.sleep(wait * random.uniform(0.5, 1.5))
    raise AssertionError("the last attempt returns or raises")


def _difference(head: HeadObjectOutputTypeDef, file: BinaryIO) -> str:
    """Say in what an object differs from a file, by its HEAD; empty if that shows nothing.

    The size always; the bytes where the server keeps one CRC-32 of the whole, which this
    package asks for and which costs a read of the file at some GB/s. An object that others
    uploaded may have none (or one of its parts, "...-7"): then the size must do, and a
    reader's SHA-256 finds the rest. Raises `OSError` as the disk does.
    """
    size = os.fstat(file.fileno()).st_size
    if head["ContentLength"] != size:
        return f"{head['ContentLength']} bytes, not {size}"
    stored = head.get("ChecksumCRC32", "-")
    if "-" in stored:
        return ""
    crc32 = 0
    file.seek(0)
    while block := file.read(_BLOCK):
        crc32 = zlib.crc32(block, crc32)
    own = base64.b64encode(crc32.to_bytes(4, "big")).decode()
    return "" if stored == own else f"as many bytes, {size}, but CRC-32 {stored}, not {own}"
