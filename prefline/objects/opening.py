"""From an address to the store behind it."""

from __future__ import annotations

from urllib.parse import urlsplit

from prefline.errors import ObjectStoreError
from prefline.objects.contract import ObjectStore
from prefline.objects.folder import FolderStore


def open_store(uri: str, *, single_publisher: bool = False) -> ObjectStore:
    """The store at `s3://bucket/prefix` or in a folder; nothing is read or written yet.

    `single_publisher` states that no two publishers ever write at once, so that a store
    without create-if-absent will do. Raises `ObjectStoreError` for an address of another
    kind, and `StoreUnwritable` for an AWS profile that does not exist.
    """
    parts = urlsplit(uri)
    if "://" not in uri and uri:
        return FolderStore(uri, single_publisher=single_publisher)
    if parts.scheme != "s3" or not parts.netloc:
        raise ObjectStoreError(
            f"{uri!r} is not the address of a store", "write a folder or s3://bucket/prefix"
        )
    # boto3 takes half a second to import; readers of a folder need not wait for it.
    from prefline.objects.s3 import S3Store

    return S3Store(uri, single_publisher=single_publisher)
