"""Large files to S3: in parts, several at once, going on with what a dead upload has sent."""

from __future__ import annotations

import errno
import os
from concurrent.futures import Executor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, TypedDict, cast

from botocore.exceptions import ClientError

from prefline.storage.s3_client import Place
from prefline.storage.s3_create import NOT_IMPLEMENTED, TAKEN, persistently
from prefline.storage.s3_errors import code_of, is_damaged, is_over, status_of, was_retried
from prefline.storage.s3_parts import Part, completed, holds, kept_as_asked, may_be_ours, split
from prefline.storage.s3_unfinished import abort, parts_of, uploads_to

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        PartTypeDef,
        UploadPartOutputTypeDef,
    )

# Each holds one part, so their number times a part's bytes is the memory that is needed,
# however many files are under way.
THREADS = 8
_BEGINNINGS = 3
_BAD_REQUEST = 400


def upload_in_parts(place: Place, file: BinaryIO, pool: Executor) -> bool:
    """Create an object from a file; True if this call created it, False if the key is taken.

    The object appears whole, once all parts are there. An upload that broke off, by this
    publisher or another, is gone on with: what it has sent is read again, not sent again.
    For that nothing is removed here that could still be completed; see `abort_older`.

    Raises what boto3 raises, and `OSError` if the file cannot be read.
    """
    for n in range(_BEGINNINGS):
        try:
            return _upload(place, file, pool)
        except ClientError as error:
            if not _is_anothers_doing(error) or n == _BEGINNINGS - 1:
                raise
            if place.size() is not None:
                return False
    raise AssertionError("the last beginning returns or raises")


def _is_anothers_doing(error: ClientError) -> bool:
    """Another publisher completed or removed the upload, or sent a part once more.

    The last counts with a key of AWS KMS only, under which the same bytes get a new ETag.
    """
    return is_over(error) or code_of(error) == "InvalidPart"


def _upload(place: Place, file: BinaryIO, pool: Executor) -> bool:
    size = os.fstat(file.fileno()).st_size
    parts = split(size)
    upload = _found(place, file, parts) or _begun(place, file)
    return upload.complete(upload.send(parts, pool), size)


def _found(place: Place, file: BinaryIO, parts: list[Part]) -> _Upload | None:
    """The upload to go on with: of those that may be ours, the one that got furthest."""
    found = [
        _Upload(place, file, upload_id, parts_of(place, upload_id))
        for upload_id in uploads_to(place)
    ]
    ours = [upload for upload in found if may_be_ours(upload.sent, parts)]
    best = max(ours, key=lambda upload: len(upload.sent), default=None)
    return best if best is None or best.is_kept_as_asked(parts[0]) else None


def _begun(place: Place, file: BinaryIO) -> _Upload:
    create = place.client.create_multipart_upload
    if place.sends_crc32:
        try:
            # One CRC-32 of the whole, which a later publisher can compare with its file.
            answer = create(
                **place.address,
                **place.keeping,
                ChecksumAlgorithm="CRC32",
                ChecksumType="FULL_OBJECT",
            )
        except ClientError as error:
            if status_of(error) not in (_BAD_REQUEST, NOT_IMPLEMENTED):
                raise
        else:
            return _Upload(place, file, answer["UploadId"])
    return _Upload(place, file, create(**place.address, **place.keeping)["UploadId"])


@dataclass(frozen=True, slots=True)
class _Upload:
    """An upload of a file; `sent` are the parts that it had when it was found, by number."""

    place: Place
    file: BinaryIO
    upload_id: str
    sent: dict[int, PartTypeDef] = field(default_factory=dict)

    def send(self, parts: list[Part], pool: Executor) -> list[CompletedPartTypeDef]:
        """Send what is missing; returns once no thread reads the file any more."""
        futures = [pool.submit(self._send, part) for part in parts]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
            wait(futures)

    def _send(self, part: Part) -> CompletedPartTypeDef:
        there = self.sent.get(part.number)
        if there is not None and holds(there, self._read(part)):
            return completed(part.number, there)
        return completed(part.number, self.put(part))

    def put(self, part: Part) -> UploadPartOutputTypeDef:
        data = self._read(part)
        send = partial(
            self.place.client.upload_part,
            **self.place.address,
            **self.place.checksum(data),
            UploadId=self.upload_id,
            PartNumber=part.number,
            Body=data,
        )
        return persistently(send, is_damaged)

    def is_kept_as_asked(self, first: Part) -> bool:
        """Whether the upload is encrypted as it should be: only the answer to a part says so."""
        if "ServerSideEncryption" not in self.place.keeping:
            return True
        answer = self.put(first)
        again = {**completed(first.number, answer), "Size": first.bytes}
        self.sent[first.number] = cast("PartTypeDef", again)
        return kept_as_asked(self.place.keeping, answer)

    def _read(self, part: Part) -> bytes:
        data = os.pread(self.file.fileno(), part.bytes, part.start)
        if len(data) != part.bytes:
            raise OSError(errno.EIO, "it became shorter while it was read")
        return data

    def complete(self, parts: list[CompletedPartTypeDef], size: int) -> bool:
        try:
            self._complete(parts, {"IfNoneMatch": "*"})
        except ClientError as error:
            # Of a call that boto3 tried twice, the first may have got through.
            if was_retried(error) and self.place.size() == size:
                return True
            if status_of(error) == TAKEN:
                abort(self.place, self.place.name, self.upload_id)
                return False
            if status_of(error) != NOT_IMPLEMENTED:
                raise
            # Some servers know the condition for whole objects only. What is large is
            # named by its content, so another publisher's object has the same bytes.
            self._complete(parts, {})
        return True

    def _complete(self, parts: list[CompletedPartTypeDef], condition: _Condition) -> None:
        self.place.client.complete_multipart_upload(
            **self.place.address,
            **condition,
            UploadId=self.upload_id,
            MultipartUpload={"Parts": parts},
        )


class _Condition(TypedDict, total=False):
    IfNoneMatch: str
