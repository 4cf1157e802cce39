"""The errors of boto3 as errors of this package, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ResponseStreamingError,
    SSLError,
)
from botocore.exceptions import ConnectionError as ConnectionFailed
from s3transfer.exceptions import RetriesExceededError, S3DownloadFailedError
from urllib3.exceptions import HTTPError

from prefline.errors import (
    DiskFull,
    ObjectStoreError,
    PreflineError,
    StoreUnreachable,
    StoreUnwritable,
)

_FORBIDDEN = 403
_CONFLICT = 409
_STORAGE_FULL = 507
_STALE_KEY = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
_DAMAGED = ("BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch")
_BROKEN_BODY = (FlexibleChecksumError, IncompleteReadError, ResponseStreamingError)
_SET_CREDENTIALS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for a temporary "
    "key), or AWS_PROFILE"
)
_CHECK_ENDPOINT = (
    "check AWS_ENDPOINT_URL (unset for AWS itself), AWS_REGION and the proxy variables, and that "
    "the server runs; then run the same command again"
)
_LOOK_FOR_DAMAGE = (
    "look for what changes bytes on the way: a proxy, memory, the store's disks; then run the "
    "same command again: what has arrived is kept"
)


def code_of(error: ClientError) -> str:
    """Return the word with which S3 names the failure; its number if the answer has no body."""
    return error.response.get("Error", {}).get("Code", "")


def status_of(error: ClientError) -> int:
    """Return the HTTP status of the answer; 0 if there is none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_missing(error: ClientError) -> bool:
    """Tell whether the answer is that there is no such object (to HEAD, or no such bucket)."""
    return code_of(error) in ("NoSuchKey", "404", "NotFound")


def is_upload_gone(error: ClientError) -> bool:
    """Tell whether the answer is that the multipart upload was completed or removed."""
    return code_of(error) == "NoSuchUpload"


def was_retried(error: ClientError) -> bool:
    """Tell whether an earlier attempt of the same call may have got through to the server."""
    return error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0


def is_transient(error: Exception) -> bool:
    """Tell whether to repeat a call that boto3 leaves to its caller to repeat.

    Another create of the key is under way, bytes were changed on their way, the body of an
    answer broke off, or somebody removed the multipart upload.
    """
    if isinstance(error, ClientError):
        return status_of(error) == _CONFLICT or _is_damaged(error) or is_upload_gone(error)
    # TLS that breaks off is an error of urllib3 alone; some of botocore's are urllib3's too.
    breaks_off = isinstance(error, HTTPError) and not isinstance(error, BotoCoreError)
    return breaks_off or isinstance(error, _BROKEN_BODY)


def _is_damaged(error: ClientError) -> bool:
    """Tell whether a body arrived with other bytes than its checksum says."""
    return code_of(error) in _DAMAGED


@contextmanager
def s3_errors(uri: str, *, writing: bool = False) -> Iterator[None]:
    """Raise what boto3 raises as an error of this package.

    A refusal is `StoreUnwritable` if `writing`, and `ObjectStoreError` if not. A store
    that is full is `DiskFull`; all else is `ObjectStoreError`.
    """
    refused = StoreUnwritable if writing else ObjectStoreError
    try:
        yield
    except ClientError as error:
        raise _answer(uri, error, refused) from error
    except RetriesExceededError as error:
        raise _broken_off(uri, error.last_exception) from error
    except (BotoCoreError, Boto3Error, S3DownloadFailedError) as error:
        raise _no_answer(uri, error, refused) from error
    except HTTPError as error:
        raise _broken_off(uri, error) from error


def _answer(uri: str, error: ClientError, refused: type[ObjectStoreError]) -> PreflineError:
    code, status = code_of(error), status_of(error)
    said = f"{code} {error.response.get('Error', {}).get('Message', '')}".strip()
    if code == "NoSuchBucket":
        return refused(
            f"{uri}: there is no such bucket",
            "create it, or check its name, AWS_ENDPOINT_URL, AWS_REGION and the account behind "
            "AWS_PROFILE or AWS_ACCESS_KEY_ID",
        )
    if code in _STALE_KEY:
        return refused(f"{uri}: the key is not valid any more ({said})", _SET_CREDENTIALS)
    if status == _FORBIDDEN:
        return refused(
            f"{uri}: access is denied ({said})",
            f"{_SET_CREDENTIALS} to a key that may read and write there; AWS_ENDPOINT_URL must "
            "name the server that knows the key",
        )
    if _is_damaged(error):
        return ObjectStoreError(
            f"{uri}: what is sent arrives with other bytes, again and again ({said})",
            _LOOK_FOR_DAMAGE,
        )
    if status == _STORAGE_FULL or code == "XMinioStorageFull":
        return DiskFull(f"{uri}: the store is full ({said})", "free space there and run it again")
    return ObjectStoreError(
        f"{uri}: S3 answered {status} to {error.operation_name} ({said})",
        f"run the same command again: what is stored is kept; {_CHECK_ENDPOINT}",
    )


def _no_answer(uri: str, error: Exception, refused: type[ObjectStoreError]) -> ObjectStoreError:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return refused(f"{uri}: there are no credentials for S3 ({error})", _SET_CREDENTIALS)
    if isinstance(error, ProfileNotFound):
        return refused(
            f"{uri}: {error}", "set AWS_PROFILE, or the store's profile, to one of ~/.aws/config"
        )
    if isinstance(error, _BROKEN_BODY):
        return _broken_off(uri, error)
    return _not_reached(uri, error)


def _not_reached(uri: str, error: Exception) -> ObjectStoreError:
    if isinstance(error, SSLError):
        return ObjectStoreError(
            f"{uri}: the server's certificate is not trusted ({error})",
            "set AWS_CA_BUNDLE, or the store's ca_bundle, to the file of the authority that "
            "signed it",
        )
    if isinstance(error, HTTPClientError | ConnectionFailed):
        return StoreUnreachable(f"{uri}: the server cannot be reached ({error})", _CHECK_ENDPOINT)
    return ObjectStoreError(f"{uri}: {error}", "check the store's address and the AWS variables")


def _broken_off(uri: str, error: BaseException) -> ObjectStoreError:
    if isinstance(error, FlexibleChecksumError):
        return ObjectStoreError(
            f"{uri}: an object arrives with other bytes than the store has, again and again "
            f"({error})",
            _LOOK_FOR_DAMAGE,
        )
    return ObjectStoreError(
        f"{uri}: an object could not be read to its end, again and again ({error})",
        "run the same command again: what has arrived whole is kept",
    )
