"""The object store that datasets are published to: one contract, a folder or S3 behind it.

```
    contract.py        what every store offers, `ObjectMissing` and `ObjectDiffers`
    options.py         what may be set beside the address: endpoint, profile, encryption
    opening.py         from an address to a store
    keys.py            what a key may be
    landing.py         files that appear whole or not at all
    streams.py         copying with the hash, comparing
    pauses.py          how long to wait before the same is tried again
    folder.py          a folder
    folder_walk.py     what lies below it
    s3.py              any S3
    s3_client.py       the connection: options, AWS variables, profile; one object in it
    s3_errors.py       what S3 answers, in the words of this package
    s3_checksums.py    checksums, and what they tell of an object that is there
    s3_create.py       create-if-absent
    s3_upload.py       large files in parts, several at once, resumed
    s3_parts.py        which part of a file is which, and which of them S3 has already
    s3_unfinished.py   uploads that were not finished: to go on with, or to remove
    s3_download.py     one stream an object, continued where it broke off
```
"""

from prefline.storage.contract import Entry, ObjectDiffers, ObjectMissing, ObjectStore
from prefline.storage.opening import open_store
from prefline.storage.options import StoreOptions

__all__ = [
    "Entry",
    "ObjectDiffers",
    "ObjectMissing",
    "ObjectStore",
    "StoreOptions",
    "open_store",
]
