"""Create-if-absent on S3: `If-None-Match: *`, and what servers answer to it."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import ClientError

from prefline.objects.pauses import pause
from prefline.objects.s3_client import Place
from prefline.objects.s3_errors import status_of, was_retried

TAKEN = 412
NOT_IMPLEMENTED = 501
_CONFLICT = 409
_TRIES = 7


def create(place: Place, data: bytes) -> bool:
    """Create an object unless its key is taken; True if this call created it.

    Raises what boto3 raises; a server that knows no conditions answers 501.
    """
    try:
        place.client.put_object(**place.address, **place.keeping, Body=data, IfNoneMatch="*")
    except ClientError as error:
        if status_of(error) != TAKEN:
            raise
        # Of a call that boto3 tried twice, the first may have got through: the key is
        # then taken by this very call.
        return was_retried(error) and _content(place) == data
    return True


def despite_conflicts(attempt: Callable[[], bool]) -> bool:
    """Call `attempt` again while S3 answers 409: another create of the key is under way.

    Raises what `attempt` raises, and the 409 if it stays.
    """
    for n in range(_TRIES):
        try:
            return attempt()
        except ClientError as error:
            if status_of(error) != _CONFLICT or n == _TRIES - 1:
                raise
            pause(n)
    raise AssertionError("the last try returns or raises")


def _content(place: Place) -> bytes:
    return place.client.get_object(**place.address)["Body"].read()
