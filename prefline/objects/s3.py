"""Any S3 as object store; `If-None-Match: *` is create-if-absent."""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import urlsplit

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from prefline.errors import ObjectStoreError, StoreUnsafe
from prefline.objects.contract import ObjectMissing
from prefline.objects.keys import checked
from prefline.objects.landing import landing
from prefline.objects.s3_client import Place, connect
from prefline.objects.s3_create import NOT_IMPLEMENTED, create, despite_conflicts
from prefline.objects.s3_errors import is_missing, status_of, wrapped
from prefline.objects.s3_upload import PART_BYTES, upload_in_parts

LARGE_BYTES = 2 * PART_BYTES
_READS = 4
# Stays in the store, so that every publish after the first needs one request to learn
# that the condition is honoured; `list` leaves it out.
_PROBE = ".prefline-probe/create-if-absent"
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
        parts = urlsplit(uri)
        self._bucket, folder = parts.netloc, parts.path.strip("/")
        self._prefix = f"{folder}/" if folder else ""
        self._single_publisher = single_publisher
        self._client = connect(uri)

    def put(self, key: str, data: bytes) -> bool:
        """Create an object unless the key is taken; see `ObjectStore`."""
        place = self._place(key)
        with wrapped(self.uri, writing=True):
            if self._single_publisher:
                return self._put_alone(place, data)
            return despite_conflicts(lambda: self._put(place, data))

    def put_file(self, key: str, path: Path) -> bool:
        """Create an object from a file unless the key is taken; see `ObjectStore`."""
        place = self._place(key)
        try:
            with wrapped(self.uri, writing=True):
                if place.size() is not None:
                    return False
                if path.stat().st_size > LARGE_BYTES:
                    return despite_conflicts(lambda: upload_in_parts(place, path))
            return self.put(key, path.read_bytes())
        except OSError as error:
            raise ObjectStoreError(
                f"cannot read {path}: {error.strerror or error}",
                "run the stage that makes it again",
            ) from error

    def get(self, key: str) -> bytes:
        """The whole object; see `ObjectStore`."""
        place = self._place(key)
        with wrapped(self.uri):
            try:
                return _read(place)
            except ClientError as error:
                if not is_missing(error):
                    raise
                raise ObjectMissing(self.uri, key) from error

    def download(self, key: str, path: Path) -> None:
        """Fetch an object into a file; see `ObjectStore`."""
        place = self._place(key)
        with landing(path) as file, wrapped(self.uri):
            try:
                self._client.download_fileobj(place.bucket, place.name, file, Config=_DOWNLOAD)
            except ClientError as error:
                if not is_missing(error):
                    raise
                raise ObjectMissing(self.uri, key) from error

    def size(self, key: str) -> int | None:
        """How many bytes the object has; see `ObjectStore`."""
        with wrapped(self.uri):
            return self._place(key).size()

    def list(self, prefix: str) -> list[str]:
        """All keys that start with `prefix`; see `ObjectStore`."""
        pages = self._client.get_paginator("list_objects_v2")
        with wrapped(self.uri):
            keys = [
                entry["Key"].removeprefix(self._prefix)
                for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix)
                for entry in page.get("Contents", [])
            ]
        # A key that ends in a slash is a folder that some browser of buckets made.
        return sorted(key for key in keys if key != _PROBE and not key.endswith("/"))

    def check_writable(self) -> None:
        """Create an object that must not be created twice; see `ObjectStore`."""
        place = self._place(_PROBE)
        with wrapped(self.uri, writing=True):
            if self._single_publisher:
                place.client.put_object(**place.address, Body=b"")
                return
            # No two probes alike: `create` tells its own object by the content.
            probes = (secrets.token_hex(16).encode() for _ in range(2))
            if all(self.put(_PROBE, probe) for probe in probes):
                raise self._unsafe()

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
        place.client.put_object(**place.address, Body=data)
        return True

    def _place(self, key: str) -> Place:
        return Place(self._client, self._bucket, self._prefix + checked(key))

    def _unsafe(self) -> StoreUnsafe:
        return StoreUnsafe(
            f"{self.uri}: the server ignores If-None-Match, so two publishers at once could "
            "overwrite each other",
            "use a store that honours it (AWS, MinIO, R2, Ceph, SeaweedFS), or state in "
            "params.yaml that there is one publisher only",
        )


def _read(place: Place) -> bytes:
    for _ in range(_READS - 1):
        body = place.client.get_object(**place.address)["Body"]
        try:
            return body.read()
        except BotoCoreError:
            # boto3 sends a request again, but does not read again what broke off.
            continue
    return place.client.get_object(**place.address)["Body"].read()
