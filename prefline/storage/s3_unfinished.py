"""Uploads in parts that were not finished: to go on with, or to remove."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from prefline.storage.s3_client import Place
from prefline.storage.s3_errors import is_over, status_of

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import MultipartUploadTypeDef, PartTypeDef

_CANNOT_TELL = (403, 405, 501)


def uploads_to(place: Place) -> list[str]:
    """Ids of unfinished uploads to this very key, of the storage class that is asked for.

    None where the server does not say, or not to everyone: what was sent is then sent
    again. Raises what else boto3 raises.
    """
    try:
        found = _below(place)
    except ClientError as error:
        if status_of(error) not in _CANNOT_TELL:
            raise
        return []
    asked = place.keeping.get("StorageClass", "STANDARD")
    return [
        upload["UploadId"]
        for upload in found
        if upload["Key"] == place.name and upload.get("StorageClass", asked) == asked
    ]


def parts_of(place: Place, upload_id: str) -> dict[int, PartTypeDef]:
    """The parts that an upload has, by number; none if it has ended meanwhile.

    Raises what boto3 raises.
    """
    pages = place.client.get_paginator("list_parts").paginate(**place.address, UploadId=upload_id)
    try:
        return {part["PartNumber"]: part for page in pages for part in page.get("Parts", [])}
    except ClientError as error:
        if not is_over(error):
            raise
        return {}


def abort_older(place: Place, older_than: timedelta) -> list[str]:
    """Remove the uploads below `place.name` that were begun before that; their keys, sorted.

    Raises what boto3 raises.
    """
    latest = datetime.now(UTC) - older_than
    old = [upload for upload in _below(place) if upload["Initiated"] <= latest]
    for upload in old:
        abort(place, upload["Key"], upload["UploadId"])
    return sorted(upload["Key"] for upload in old)


def abort(place: Place, name: str, upload_id: str) -> None:
    """Remove an upload's parts; one that has ended already is fine. Raises what boto3 raises."""
    try:
        place.client.abort_multipart_upload(Bucket=place.bucket, Key=name, UploadId=upload_id)
    except ClientError as error:
        if not is_over(error):
            raise


def _below(place: Place) -> list[MultipartUploadTypeDef]:
    pages = place.client.get_paginator("list_multipart_uploads")
    found = pages.paginate(Bucket=place.bucket, Prefix=place.name)
    return [upload for page in found for upload in page.get("Uploads", [])]
