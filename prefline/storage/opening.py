"""From an address and options to the store behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from prefline.config.environment import experiment
from prefline.errors import ObjectStoreError
from prefline.storage.folder import FolderStore
from prefline.storage.store import ObjectStore

if TYPE_CHECKING:
    from prefline.config import PublishParams
    from prefline.project import Project

Addressing = Literal["auto", "path", "virtual"]
Encryption = Literal["AES256", "aws:kms"]
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
_S3_ONLY = ("encryption", "kms_key", "storage_class")


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """The options of a store beyond its address.

    What is set here counts before the AWS variables and the profile; None leaves it to them.
    Credentials are no options: they come from the AWS variables (AWS_SESSION_TOKEN too) or
    a profile. A folder takes the options of the connection and has no use for them, so that
    one section of params serves both; what would change how objects are kept, it refuses.
    """

    single_publisher: bool = False
    """No two publishers ever write at once, so a store without create-if-absent will do."""
    endpoint_url: str | None = None
    """`http(s)://host:port` of another S3 than Amazon's."""
    addressing: Addressing = "auto"
    """The place of the bucket: in the path or in the host's name."""
    ca_bundle: str | None = None
    """A file of the authorities that may sign the server's certificate."""
    profile: str | None = None
    """A profile of `~/.aws/config`."""
    region: str | None = None
    """The region that requests are signed for."""
    encryption: Encryption | None = None
    """With which key S3 encrypts what it keeps: its own, or one of AWS KMS."""
    kms_key: str | None = None
    """The key of AWS KMS, by id or ARN; its default key if None."""
    storage_class: str | None = None
    """Such as `STANDARD_IA` or `INTELLIGENT_TIERING`; not one that must be restored first."""

    def check(self, uri: str, *, folder: bool) -> None:
        """Raise `ObjectStoreError` that names an option which makes no sense for `uri`."""
        set_here = [name for name in _S3_ONLY if getattr(self, name) is not None]
        if folder and set_here:
            raise ObjectStoreError(
                f"{uri} is a folder, which has no {' and no '.join(set_here)}",
                f"leave {' and '.join(set_here)} out, or publish to s3://bucket/prefix",
            )
        if self.addressing not in get_args(Addressing):
            raise _not_one_of(uri, "addressing", self.addressing, get_args(Addressing))
        if self.encryption is not None and self.encryption not in get_args(Encryption):
            raise _not_one_of(uri, "encryption", self.encryption, get_args(Encryption))
        if self.storage_class in _ARCHIVES:
            raise ObjectStoreError(
                f"{uri}: what is of storage class {self.storage_class} cannot be read at once",
                "choose GLACIER_IR or another class that is read without a restore",
            )
        if self.kms_key is not None and self.encryption != "aws:kms":
            raise ObjectStoreError(
                f"{uri}: kms_key is set, but the encryption is {self.encryption or 'not set'}",
                "set the encryption to aws:kms, or leave kms_key out",
            )


_DEFAULT = StoreOptions()
EXPERIMENTS = ".prefline/experiments"
"""The store that experiments publish to, from the project's folder."""


def open_store(uri: str, options: StoreOptions = _DEFAULT) -> ObjectStore:
    """Open the store at `s3://bucket/prefix` or in a folder; nothing is read or written yet.

    Raises `ObjectStoreError` for an address of another kind, an endpoint that is no URL and
    an option that makes no sense there, and `StoreUnwritable` for an AWS profile that does
    not exist.
    """
    if "://" not in uri and uri:
        options.check(uri, folder=True)
        return FolderStore(uri, single_publisher=options.single_publisher)
    scheme, _, rest = uri.partition("://")
    if scheme != "s3" or not rest.partition("/")[0]:
        raise ObjectStoreError(
            f"{uri!r} is not the address of a store", "write a folder or s3://bucket/prefix"
        )
    options.check(uri, folder=False)
    # boto3 takes half a second to import; readers of a folder need not wait for it.
    from prefline.storage.s3 import S3Store

    return S3Store(uri, options)


def store_of(params: PublishParams) -> str:
    """Return the store that this process publishes to: that of params, but in an experiment."""
    is_local = params.experiments == "local" and experiment() is not None
    return EXPERIMENTS if is_local else params.store


def project_store(project: Project, params: PublishParams) -> ObjectStore:
    """Open the store that a project's section `publish` names, as `s3` there says; in an experiment
    that publishes nothing, a folder of the project's own.

    Raises what `open_store` raises.
    """
    if store_of(params) != params.store:
        return open_store(project.store_uri(EXPERIMENTS))
    options = StoreOptions(single_publisher=params.single_publisher, **params.s3.model_dump())
    return open_store(project.store_uri(params.store), options)


def _not_one_of(uri: str, name: str, value: str, known: tuple[str, ...]) -> ObjectStoreError:
    return ObjectStoreError(
        f"{uri}: {name} is {value!r}", f"set {name} to one of {', '.join(known)}"
    )
