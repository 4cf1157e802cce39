"""Create-if-absent on S3: `If-None-Match: *`, and what servers answer to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from prefline.storage.pauses import pause
from prefline.storage.s3_client import Place
from prefline.storage.s3_errors import is_damaged, status_of, was_retried

TAKEN = 412
NOT_IMPLEMENTED = 501
_CONFLICT = 409
_TRIES = 7
_Made = TypeVar("_Made")


def create(place: Place, data: bytes) -> bool:
    """Create an object unless its key is taken; True if this call created it.

    Raises what boto3 raises; a server that knows no conditions answers 501.
    """
    try:
        put(place, data, IfNoneMatch="*")
    except ClientError as error:
        if status_of(error) != TAKEN:
            raise
        # Of a call that boto3 tried twice, the first may have got through: the key is
        # then taken by this very call.
        return was_retried(error) and _content(place) == data
    return True


def put(place: Place, data: bytes, **condition: Any) -> None:
    """Write an object, whatever is there unless `condition` says otherwise.

    Raises what boto3 raises.
    """
    how = {**place.keeping, **place.checksum(data), **condition}
    send = partial(place.client.put_object, **place.address, **how, Body=data)
    persistently(send, is_damaged)


def persistently(attempt: Callable[[], _Made], passes: Callable[[ClientError], bool]) -> _Made:
    """Call `attempt` again while it fails in a way that `passes`, seven times at most.

    boto3 repeats by itself what S3 says is worth it; this is for what S3 leaves to its
    caller. Raises what `attempt` raises.
    """
    for n in range(_TRIES):
        try:
            return attempt()
        except ClientError as error:
            if not passes(error) or n == _TRIES - 1:
                raise
            pause(n)
    raise AssertionError("the last try returns or raises")


def is_conflict(error: ClientError) -> bool:
    """Whether another create of the key is under way."""
    return status_of(error) == _CONFLICT


def _content(place: Place) -> bytes:
    return place.client.get_object(**place.address)["Body"].read()
