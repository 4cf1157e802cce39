"""Objects from S3: one stream each, hashed on the way, continued where it broke off."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import BinaryIO

from botocore.exceptions import BotoCoreError, FlexibleChecksumError, ResponseStreamingError
from botocore.response import StreamingBody
from urllib3.exceptions import HTTPError

from prefline.storage.pauses import pause
from prefline.storage.s3_client import Place
from prefline.storage.streams import BLOCK

TRIES = 6
"""Streams in a row that may bring less than a block (1 MiB) before the object is given up."""


def fetch(place: Place, file: BinaryIO) -> str:
    """Write an object to an empty file; the SHA-256 of what was written, 64 hex digits.

    boto3 sends a request again, but does not read again what broke off: this asks for the
    rest. Raises what boto3 raises, and `OSError` as the disk does.
    """
    arrived, failures = _Arrived(file), 0
    while True:
        before = arrived.bytes
        error = arrived.go_on(place)
        if error is None:
            return arrived.digest.hexdigest()
        failures = 1 if arrived.bytes - before >= BLOCK else failures + 1
        if failures == TRIES:
            raise error
        pause(failures - 1)


class _Arrived:
    """What has arrived of an object, in a file: how many bytes, and their hash."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._block = memoryview(bytearray(BLOCK))
        self._begin()

    def _begin(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.bytes, self.digest = 0, hashlib.sha256()

    def go_on(self, place: Place) -> BotoCoreError | None:
        """Read the rest, or as much of it as comes; why it broke off, None if it did not."""
        with closing(self._ask(place)) as body:
            try:
                while count := body.readinto(self._block):  # type: ignore[arg-type]
                    self._take(self._block[:count])
            except FlexibleChecksumError as error:
                self._begin()  # no telling which of the bytes are wrong
                return error
            except BotoCoreError as error:
                return error
            except HTTPError as error:  # TLS that breaks off
                return ResponseStreamingError(error=error)
        return None

    def _ask(self, place: Place) -> StreamingBody:
        if not self.bytes:
            return place.client.get_object(**place.address)["Body"]
        answer = place.client.get_object(**place.address, Range=f"bytes={self.bytes}-")
        if not answer.get("ContentRange", "").startswith(f"bytes {self.bytes}-"):
            self._begin()  # a server that knows no ranges sends it whole
        return answer["Body"]

    def _take(self, block: memoryview) -> None:
        self._file.write(block)
        self.digest.update(block)
        self.bytes += len(block)
