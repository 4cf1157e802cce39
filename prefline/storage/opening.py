"""From an address to the store behind it."""

from __future__ import annotations

from prefline.errors import ObjectStoreError
from prefline.storage.contract import ObjectStore
from prefline.storage.folder import FolderStore
from prefline.storage.options import StoreOptions

_DEFAULT = StoreOptions()


def open_store(uri: str, options: StoreOptions = _DEFAULT) -> ObjectStore:
    """The store at `s3://bucket/prefix` or in a folder; nothing is read or written yet.

    Raises `ObjectStoreError` for an address of another kind, an endpoint that is no URL and
    an option that makes no sense there, and `StoreUnwritable` for an AWS profile that does
    not exist.
    """
    if "://" not in uri and uri:
        options.check(uri, folder=True)
        return FolderStore(uri, single_publisher=options.single_publisher)
    scheme, _, rest = uri.partition("://")
    if scheme != "s3" or not rest.partition("/")[0]:
        raise ObjectStoreError(
            f"{uri!r} is not the address of a store", "write a folder or s3://bucket/prefix"
        )
    options.check(uri, folder=False)
    # boto3 takes half a second to import; readers of a folder need not wait for it.
    from prefline.storage.s3 import S3Store

    return S3Store(uri, options)
