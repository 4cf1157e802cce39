"""The object store that datasets are published to: one protocol, a folder or any S3 behind it."""

from prefline.storage.opening import StoreOptions, open_store
from prefline.storage.store import Entry, ObjectDiffers, ObjectMissing, ObjectStore

__all__ = [
    "Entry",
    "ObjectDiffers",
    "ObjectMissing",
    "ObjectStore",
    "StoreOptions",
    "open_store",
]
