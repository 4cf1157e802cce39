"""The object store that datasets are published to: one contract, a folder or S3 behind it.

    contract.py      what every store offers, and `ObjectMissing`
    opening.py       from an address to a store
    keys.py          what a key may be
    landing.py       files that appear whole or not at all
    folder.py        a folder
    s3.py            any S3
    s3_client.py     the connection: AWS variables, profile, endpoint
    s3_errors.py     what S3 answers, in the words of this package
    s3_upload.py     large files in parts, several at once
    s3_probe.py      whether the server honours create-if-absent
"""

from prefline.objects.contract import ObjectMissing, ObjectStore
from prefline.objects.opening import open_store

__all__ = ["ObjectMissing", "ObjectStore", "open_store"]
