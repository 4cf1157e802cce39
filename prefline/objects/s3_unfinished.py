"""Uploads in parts that were not finished."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from prefline.objects.s3_client import Place
from prefline.objects.s3_errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import MultipartUploadTypeDef


def unfinished(place: Place) -> list[MultipartUploadTypeDef]:
    """Uploads to keys that start with `place.name`, in the server's order.

    Raises what boto3 raises.
    """
    pages = place.client.get_paginator("list_multipart_uploads")
    found = pages.paginate(Bucket=place.bucket, Prefix=place.name)
    return [upload for page in found for upload in page.get("Uploads", [])]


def abort_older(place: Place, older_than: timedelta) -> list[str]:
    """Remove the uploads below `place.name` that were begun before that; their keys, sorted.

    Raises what boto3 raises.
    """
    latest = datetime.now(UTC) - older_than
    old = [upload for upload in unfinished(place) if upload["Initiated"] <= latest]
    for upload in old:
        abort(place, upload["Key"], upload["UploadId"])
    return sorted(upload["Key"] for upload in old)


def abort(place: Place, name: str, upload_id: str) -> None:
    """Remove an upload's parts; one that has ended already is fine."""
    try:
        place.client.abort_multipart_upload(Bucket=place.bucket, Key=name, UploadId=upload_id)
    except ClientError as error:
        if not is_over(error):
            raise


def is_over(error: ClientError) -> bool:
    """Whether the answer is that the upload was completed or aborted."""
    return code_of(error) == "NoSuchUpload"
