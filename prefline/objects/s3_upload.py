"""Large files to S3: in parts, several at once, in memory that does not grow with the file."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from prefline.objects.s3_errors import code_of, status_of, was_retried

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 16 << 20
_MOST_PARTS = 10_000
# Each thread holds one part, so threads times bytes of a part is the memory that is needed.
_THREADS = 4
TAKEN = 412
NOT_IMPLEMENTED = 501


def upload_in_parts(client: S3Client, bucket: str, key: str, path: Path) -> bool:
    """Create an object from a file; True if this call created it, False if the key is taken.

    The object appears whole, once all parts are there; if that fails, the parts are removed.
    Raises what boto3 raises, and `OSError` if the file cannot be read.
    """
    upload_id = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    upload = _Upload(client, bucket, key, upload_id)
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
    client: S3Client
    bucket: str
    key: str
    upload_id: str

    def send(self, handle: int, size: int) -> list[CompletedPartTypeDef]:
        length = max(PART_BYTES, math.ceil(size / _MOST_PARTS))

        def send_part(number: int) -> CompletedPartTypeDef:
            answer = self.client.upload_part(
                Bucket=self.bucket,
                Key=self.key,
                UploadId=self.upload_id,
                PartNumber=number,
                Body=os.pread(handle, length, (number - 1) * length),
            )
            return _part(number, dict(answer))

        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(send_part, range(1, math.ceil(size / length) + 1)))

    def complete(self, parts: list[CompletedPartTypeDef], size: int) -> bool:
        try:
            self._complete(parts, only_if_absent=True)
        except ClientError as error:
            # Of a call that was tried twice, the first may have got through.
            if was_retried(error) and self._is_there(size):
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
        self.client.complete_multipart_upload(
            Bucket=self.bucket,
            Key=self.key,
            UploadId=self.upload_id,
            MultipartUpload={"Parts": parts},
            **({"IfNoneMatch": "*"} if only_if_absent else {}),
        )

    def _is_there(self, size: int) -> bool:
        try:
            head = self.client.head_object(Bucket=self.bucket, Key=self.key)
        except ClientError as error:
            if code_of(error) != "404":
                raise
            return False
        return head["ContentLength"] == size

    def abort(self) -> None:
        self.client.abort_multipart_upload(
            Bucket=self.bucket, Key=self.key, UploadId=self.upload_id
        )


def _part(number: int, answer: dict[str, object]) -> CompletedPartTypeDef:
    """A part with the checksum that boto3 sent with it, if the server names it again."""
    part: CompletedPartTypeDef = {"PartNumber": number, "ETag": str(answer["ETag"])}
    if "ChecksumCRC32" in answer:
        part["ChecksumCRC32"] = str(answer["ChecksumCRC32"])
    return part
