"""The object store that datasets are published to: one contract, a folder or S3 behind it.

```
    contract.py      what every store offers, and `ObjectMissing`
    opening.py       from an address to a store
    keys.py          what a key may be
    landing.py       files that appear whole or not at all
    folder.py        a folder
    s3.py            any S3
    s3_client.py     the connection: AWS variables, profile, endpoint; one object in it
    s3_errors.py     what S3 answers, in the words of this package
    s3_create.py     create-if-absent
    s3_upload.py     large files in parts, several at once
```
"""

from prefline.objects.contract import ObjectMissing, ObjectStore
from prefline.objects.opening import open_store

__all__ = ["ObjectMissing", "ObjectStore", "open_store"]
