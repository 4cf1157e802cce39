"""Large files to S3: in parts, several at once, in memory that does not grow with the file."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from prefline.objects.s3_client import Place
from prefline.objects.s3_create import NOT_IMPLEMENTED, TAKEN
from prefline.objects.s3_errors import status_of, was_retried

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 16 << 20
_MOST_PARTS = 10_000
# Each thread holds one part, so threads times bytes of a part is the memory that is needed.
_THREADS = 4


def upload_in_parts(place: Place, path: Path) -> bool:
    """Create an object from a file; True if this call created it, False if the key is taken.

    The object appears whole, once all parts are there; if that fails, the parts are removed.
    Raises what boto3 raises, and `OSError` if the file cannot be read.
    """
    upload_id = place.client.create_multipart_upload(**place.address, **place.keeping)["UploadId"]
    upload = _Upload(place, upload_id)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            parts = upload.send(file.fileno(), size)
        created = upload.complete(parts, size)
    except BaseException as error:
        try:
            upload.abort()
        except (BotoCoreError, ClientError) as second:
            error.add_note(f"the parts that were sent could not be removed: {second}")
        raise
    if not created:
        upload.abort()
    return created


@dataclass(frozen=True, slots=True)
class _Upload:
    place: Place
    upload_id: str

    def send(self, handle: int, size: int) -> list[CompletedPartTypeDef]:
        length = max(PART_BYTES, math.ceil(size / _MOST_PARTS))

        def send_part(number: int) -> CompletedPartTypeDef:
            answer = self.place.client.upload_part(
                **self.place.address,
                UploadId=self.upload_id,
                PartNumber=number,
                Body=os.pread(handle, length, (number - 1) * length),
            )
            return _part(number, answer["ETag"], answer.get("ChecksumCRC32"))

        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(send_part, range(1, math.ceil(size / length) + 1)))

    def complete(self, parts: list[CompletedPartTypeDef], size: int) -> bool:
        try:
            self._complete(parts, only_if_absent=True)
        except ClientError as error:
            # Of a call that boto3 tried twice, the first may have got through.
            if was_retried(error) and self.place.size() == size:
                return True
            if status_of(error) == TAKEN:
                return False
            if status_of(error) != NOT_IMPLEMENTED:
                raise
            # Some servers know the condition for whole objects only. What is large is
            # named by its content, so another publisher's object has the same bytes.
            self._complete(parts, only_if_absent=False)
        return True

    def _complete(self, parts: list[CompletedPartTypeDef], *, only_if_absent: bool) -> None:
        call = partial(
            self.place.client.complete_multipart_upload,
            **self.place.address,
            UploadId=self.upload_id,
            MultipartUpload={"Parts": parts},
        )
        if only_if_absent:
            call(IfNoneMatch="*")
        else:
            call()

    def abort(self) -> None:
        self.place.client.abort_multipart_upload(**self.place.address, UploadId=self.upload_id)


def _part(number: int, etag: str, checksum: str | None) -> CompletedPartTypeDef:
    """A part with the checksum that boto3 sent with it, if the server names it again."""
    if checksum is None:
        return {"PartNumber": number, "ETag": etag}
    return {"PartNumber": number, "ETag": etag, "ChecksumCRC32": checksum}
