"""The connection to S3, from the usual AWS variables and profiles and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from prefline.errors import ObjectStoreError
from prefline.objects.s3_errors import wrapped

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONNECTIONS = 16


def connect(uri: str) -> S3Client:
    """A client for the store at `uri`; nothing is sent yet.

    With an endpoint of one's own, boto3 writes the bucket into the path, unless the
    profile says `addressing_style = virtual`; AWS_MAX_ATTEMPTS, AWS_CA_BUNDLE and the
    proxy variables count too. Raises `StoreUnwritable` for a profile that does not
    exist and `ObjectStoreError` for an endpoint that is no URL.
    """
    config = Config(
        retries={"mode": "standard"},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=_CONNECTIONS,
    )
    with wrapped(uri, writing=True):
        try:
            return boto3.Session().client("s3", config=config)
        except ValueError as error:
            raise ObjectStoreError(
                f"{uri}: {error}", "set AWS_ENDPOINT_URL to http(s)://host:port, or unset it"
            ) from error
