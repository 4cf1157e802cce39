"""The connection to S3, from the usual AWS variables and profiles and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from prefline.errors import ObjectStoreError
from prefline.objects.s3_errors import is_missing, wrapped

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONNECTIONS = 16


class Address(TypedDict):
    """How boto3 wants to be told where an object is."""

    Bucket: str
    Key: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where one object is or will be. Methods raise what boto3 raises."""

    client: S3Client
    bucket: str
    name: str

    @property
    def address(self) -> Address:
        """The arguments that name the object in every call of boto3."""
        return {"Bucket": self.bucket, "Key": self.name}

    def size(self) -> int | None:
        """How many bytes the object has, or None if there is none."""
        try:
            return self.client.head_object(**self.address)["ContentLength"]
        except ClientError as error:
            if not is_missing(error):
                raise
            return None


def connect(uri: str) -> S3Client:
    """A client for the store at `uri`; nothing is sent yet.

    With an endpoint of one's own, boto3 writes the bucket into the path unless the
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
