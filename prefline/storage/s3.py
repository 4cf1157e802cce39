"""Any S3 as object store; `If-None-Match: *` is create-if-absent."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from prefline.atomic import atomic_write
from prefline.errors import StoreUnsafe
from prefline.storage.contract import WEEK, Entries, Entry, Keys, ObjectDiffers, ObjectMissing
from prefline.storage.keys import checked
from prefline.storage.options import StoreOptions
from prefline.storage.s3_checksums import difference
from prefline.storage.s3_client import Place, connect, keeping
from prefline.storage.s3_create import NOT_IMPLEMENTED, create, is_conflict, persistently, put
from prefline.storage.s3_download import fetch
from prefline.storage.s3_errors import is_missing, status_of, wrapped
from prefline.storage.s3_parts import split
from prefline.storage.s3_unfinished import abort_older
from prefline.storage.s3_upload import THREADS, upload_in_parts
from prefline.storage.streams import opened, unreadable

# Stays in the store, so that every publish after the first needs one request to learn
# that the condition is honoured; `list` leaves it out.
_PROBE = ".prefline-probe/create-if-absent"


class S3Store:
    """The `ObjectStore` of a bucket, or of what is below a prefix in it."""

    def __init__(self, uri: str, options: StoreOptions) -> None:
        self.uri = uri
        # By hand: a prefix may have a "#" or "?", which would end the path of a URL.
        self._bucket, _, folder = uri.removeprefix("s3://").partition("/")
        folder = folder.strip("/")
        self._prefix = f"{folder}/" if folder else ""
        self._single_publisher = options.single_publisher
        self._keeping = keeping(options)
        self._client = connect(uri, options)
        # One for all callers, so that memory does not grow with their number.
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="upload")

    @property
    def identity(self) -> str:
        """The server's address and the bucket with the prefix."""
        return f"{self._client.meta.endpoint_url} {self._bucket}/{self._prefix}"

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002
        """None: nothing is here; see `ObjectStore`."""
        return None

    def put(self, key: str, data: bytes) -> bool:
        """Create an object unless the key is taken; see `ObjectStore`."""
        place = self._place(key)
        with wrapped(self.uri, writing=True):
            return self._create_whole(place, data)

    def put_file(self, key: str, path: Path) -> bool:
        """Create an object from a file unless the key is taken; see `ObjectStore`."""
        place = self._place(key)
        with opened(path) as file, wrapped(self.uri, writing=True):
            try:
                head = place.head()
                if head is None and self._create(place, file):
                    return True
                head = head or place.head()
                how = difference(head, file) if head else ""
            except BotoCoreError:  # of which some are an OSError
                raise
            except OSError as error:
                raise unreadable(path, error) from error
        if how:
            raise ObjectDiffers(self.uri, key, how)
        return False

    def get(self, key: str) -> bytes:
        """The whole object; see `ObjectStore`."""
        file = BytesIO()
        with self._reading(key) as place:
            fetch(place, file)
        return file.getvalue()

    def download(self, key: str, path: Path) -> str:
        """Fetch an object into a file; see `ObjectStore`."""
        with atomic_write(path) as file, self._reading(key) as place:
            return fetch(place, file)

    def size(self, key: str) -> int | None:
        """How many bytes the object has; see `ObjectStore`."""
        with wrapped(self.uri):
            return self._place(key).size()

    def list(self, prefix: str) -> Keys:
        """All keys that start with `prefix`; see `ObjectStore`."""
        return [entry.key for entry in self.entries(prefix)]

    def entries(self, prefix: str) -> Entries:
        """The objects whose keys start with `prefix`; see `ObjectStore`."""
        pages = self._client.get_paginator("list_objects_v2")
        with wrapped(self.uri):
            found = [
                Entry(one["Key"].removeprefix(self._prefix), one["Size"], one["LastModified"])
                for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix)
                for one in page.get("Contents", [])
            ]
        # A key that ends in a slash is a folder that some browser of buckets made.
        return sorted(one for one in found if one.key != _PROBE and not one.key.endswith("/"))

    def delete(self, key: str) -> None:
        """Remove an object; see `ObjectStore`."""
        with wrapped(self.uri, writing=True):
            self._client.delete_object(**self._place(key).address)

    def abort_unfinished(self, prefix: str, older_than: timedelta = WEEK) -> Keys:
        """Remove the parts of uploads that nobody finishes; see `ObjectStore`."""
        place = Place(self._client, self._bucket, self._prefix + prefix)
        with wrapped(self.uri, writing=True):
            names = abort_older(place, older_than)
        return [name.removeprefix(self._prefix) for name in names]

    def check_writable(self) -> None:
        """Create an object that must not be created twice; see `ObjectStore`."""
        place = self._place(_PROBE)
        with wrapped(self.uri, writing=True):
            if self._single_publisher:
                put(place, b"")
                return
            # No two probes alike: `create` tells its own object by the content.
            probes = (secrets.token_hex(16).encode() for _ in range(2))
            if all(self.put(_PROBE, probe) for probe in probes):
                raise self._unsafe()

    def _create(self, place: Place, file: BinaryIO) -> bool:
        if len(split(os.fstat(file.fileno()).st_size)) > 1:
            return persistently(lambda: upload_in_parts(place, file, self._pool), is_conflict)
        return self._create_whole(place, file.read())

    def _create_whole(self, place: Place, data: bytes) -> bool:
        if self._single_publisher:
            return self._put_alone(place, data)
        return persistently(lambda: self._put(place, data), is_conflict)

    def _put(self, place: Place, data: bytes) -> bool:
        try:
            return create(place, data)
        except ClientError as error:
            if status_of(error) != NOT_IMPLEMENTED:
                raise
            raise self._unsafe() from error

    def _put_alone(self, place: Place, data: bytes) -> bool:
        """Without the server's help: right as long as nobody else writes."""
        if place.size() is not None:
            return False
        put(place, data)
        return True

    def _place(self, key: str) -> Place:
        name = self._prefix + checked(key)
        return Place(self._client, self._bucket, name, self._keeping)

    @contextmanager
    def _reading(self, key: str) -> Iterator[Place]:
        with wrapped(self.uri):
            try:
                yield self._place(key)
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
