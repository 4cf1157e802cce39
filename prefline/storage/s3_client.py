"""The connection to S3: the options, then the usual AWS variables and profiles."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.utils import conditionally_calculate_md5

from prefline.errors import ObjectStoreError
from prefline.storage.opening import StoreOptions
from prefline.storage.s3_errors import s3_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONNECTIONS = 32
_READ_TIMEOUT_S = 60
# Of one request, the first included; boto3 waits up to 1, 2, 4 and 8 s between them.
_ATTEMPTS = 5


class StorageArguments(TypedDict, total=False):
    """The arguments of boto3 that say how a new object is kept."""

    ServerSideEncryption: Literal["AES256", "aws:kms"]
    SSEKMSKeyId: str
    StorageClass: Any  # boto3's stubs know today's classes alone


def storage_arguments(options: StoreOptions) -> StorageArguments:
    """Return what every request that begins an object says of how it is kept."""
    arguments: StorageArguments = {}
    if options.encryption is not None:
        arguments["ServerSideEncryption"] = options.encryption
    if options.kms_key is not None:
        arguments["SSEKMSKeyId"] = options.kms_key
    if options.storage_class is not None:
        arguments["StorageClass"] = options.storage_class
    return arguments


def connect(uri: str, options: StoreOptions) -> S3Client:
    """Make a client for the store at `uri`; nothing is sent yet.

    What no option says, boto3 takes from the AWS variables and the profile: with an endpoint
    of one's own the bucket is written into the path unless the profile says
    `addressing_style = virtual`; AWS_MAX_ATTEMPTS, AWS_CA_BUNDLE, the proxy variables and
    AWS_REQUEST_CHECKSUM_CALCULATION (`when_required` for servers that know no checksums,
    such as Ceph 16) count too. Raises `StoreUnwritable` for a profile that does not exist
    and `ObjectStoreError` for an endpoint that is no URL.
    """
    with s3_errors(uri, writing=True):
        core = botocore.session.Session(profile=options.profile)
        core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
        session = boto3.Session(botocore_session=core, region_name=options.region)
        addressing: Any = (
            {} if options.addressing == "auto" else {"addressing_style": options.addressing}
        )
        config = Config(
            retries={
                "mode": "standard",
                "total_max_attempts": core.get_config_variable("max_attempts") or _ATTEMPTS,
            },
            connect_timeout=10,
            read_timeout=_READ_TIMEOUT_S,
            max_pool_connections=_CONNECTIONS,
            tcp_keepalive=True,
            s3=addressing,
        )
        try:
            client = session.client(
                "s3", endpoint_url=options.endpoint_url, verify=options.ca_bundle, config=config
            )
        except ValueError as error:
            raise ObjectStoreError(
                f"{uri}: {error}",
                "set AWS_ENDPOINT_URL, or the store's endpoint_url, to http(s)://host:port, "
                "or unset it",
            ) from error
    if not sends_checksums(client):
        for operation in ("PutObject", "UploadPart"):  # MD5 is what every server checks
            client.meta.events.register(f"before-call.s3.{operation}", _add_md5)
    return client


def sends_checksums(client: S3Client) -> bool:
    """Return False where AWS_REQUEST_CHECKSUM_CALCULATION or the profile says `when_required`."""
    config: Any = client.meta.config  # the stubs do not know this one
    return bool(config.request_checksum_calculation != "when_required")


def _add_md5(params: dict[str, Any], **event: Any) -> None:
    conditionally_calculate_md5(params, **event)


@functools.cache
def _loader(path: str | None) -> botocore.loaders.Loader:
    """Read what boto3 knows of S3, a megabyte of JSON, once for all stores of a process."""
    return botocore.loaders.create_loader(path)
