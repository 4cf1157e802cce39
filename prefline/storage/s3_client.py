"""The connection to S3: the options, then the usual AWS variables and profiles."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from prefline.errors import ObjectStoreError
from prefline.storage.options import StoreOptions
from prefline.storage.s3_checksums import Checksum, crc32_of, md5_of
from prefline.storage.s3_errors import is_missing, wrapped

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

_CONNECTIONS = 32
# Of one request, the first included; boto3 waits up to 1, 2, 4 and 8 s between them.
_ATTEMPTS = 5


class Address(TypedDict):
    """How boto3 wants to be told where an object is."""

    Bucket: str
    Key: str


class Keeping(TypedDict, total=False):
    """How boto3 wants to be told in which way an object is to be kept."""

    ServerSideEncryption: Literal["AES256", "aws:kms"]
    SSEKMSKeyId: str
    StorageClass: Any  # boto3's stubs know today's classes alone


def keeping(options: StoreOptions) -> Keeping:
    """What every request that begins an object says of how it is kept; empty by default."""
    kept: Keeping = {}
    if options.encryption is not None:
        kept["ServerSideEncryption"] = options.encryption
    if options.kms_key is not None:
        kept["SSEKMSKeyId"] = options.kms_key
    if options.storage_class is not None:
        kept["StorageClass"] = options.storage_class
    return kept


@dataclass(frozen=True, slots=True)
class Place:
    """Where one object is or will be, and how it is kept. Methods raise what boto3 raises."""

    client: S3Client
    bucket: str
    name: str
    keeping: Keeping = field(default_factory=Keeping)

    @property
    def address(self) -> Address:
        """The arguments that name the object in every call of boto3."""
        return {"Bucket": self.bucket, "Key": self.name}

    @property
    def sends_crc32(self) -> bool:
        """False where AWS_REQUEST_CHECKSUM_CALCULATION or the profile says `when_required`."""
        config: Any = self.client.meta.config  # the stubs do not know this one
        return bool(config.request_checksum_calculation != "when_required")

    def checksum(self, data: bytes) -> Checksum:
        """The argument by which the server checks a body: CRC-32, or MD5, which all know.

        Given here because boto3 would send it after the body, in small pieces.
        """
        if self.sends_crc32:
            return {"ChecksumCRC32": crc32_of(data)}
        return {"ContentMD5": md5_of(data)}

    def head(self) -> HeadObjectOutputTypeDef | None:
        """What the server says of the object, its checksum too; None if there is none."""
        try:
            return self.client.head_object(**self.address, ChecksumMode="ENABLED")
        except ClientError as error:
            if not is_missing(error):
                raise
            return None

    def size(self) -> int | None:
        """How many bytes the object has, or None if there is none."""
        head = self.head()
        return None if head is None else head["ContentLength"]


def connect(uri: str, options: StoreOptions) -> S3Client:
    """A client for the store at `uri`; nothing is sent yet.

    What no option says, boto3 takes from the AWS variables and the profile: with an endpoint
    of one's own the bucket is written into the path unless the profile says
    `addressing_style = virtual`; AWS_MAX_ATTEMPTS, AWS_CA_BUNDLE, the proxy variables and
    AWS_REQUEST_CHECKSUM_CALCULATION (`when_required` for servers that know no checksums,
    such as Ceph 16) count too. Raises `StoreUnwritable` for a profile that does not exist
    and `ObjectStoreError` for an endpoint that is no URL.
    """
    with wrapped(uri, writing=True):
        core = botocore.session.Session(profile=options.profile)
        core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
        session = boto3.Session(botocore_session=core, region_name=options.region)
        attempts = core.get_config_variable("max_attempts") or _ATTEMPTS
        try:
            client = _client(session, options, attempts, {})
            if not client.meta.endpoint_url.startswith("https://"):
                return client
            # TLS keeps the bytes from being changed, and a checksum goes with them, so they
            # need not be hashed once more for the signature; boto3 does the same.
            return _client(session, options, attempts, {"payload_signing_enabled": False})
        except ValueError as error:
            raise ObjectStoreError(
                f"{uri}: {error}",
                "set AWS_ENDPOINT_URL, or the store's endpoint_url, to http(s)://host:port, "
                "or unset it",
            ) from error


def _client(
    session: boto3.Session, options: StoreOptions, attempts: int, s3: dict[str, Any]
) -> S3Client:
    addressing = {} if options.addressing == "auto" else {"addressing_style": options.addressing}
    more: Any = s3 | addressing
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=_CONNECTIONS,
        tcp_keepalive=True,
        s3=more,
    )
    return session.client(
        "s3", endpoint_url=options.endpoint_url, verify=options.ca_bundle, config=config
    )


@functools.cache
def _loader(path: str | None) -> botocore.loaders.Loader:
    """What boto3 knows of S3, a megabyte of JSON, read once for all stores of a process."""
    return botocore.loaders.create_loader(path)
