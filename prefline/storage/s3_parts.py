"""A large file as parts: always the same ones, so that any publisher can go on with them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefline.storage.s3_checksums import crc32_of
from prefline.storage.s3_client import Keeping

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        PartTypeDef,
        UploadPartOutputTypeDef,
    )

PART_BYTES = 8 << 20
_MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file: its number from 1 on, where it begins, how many bytes it has."""

    number: int
    start: int
    bytes: int


def split(size: int) -> list[Part]:
    """A file of `size` bytes as parts of 8 MiB, or larger ones where S3 takes no more parts."""
    length = max(PART_BYTES, math.ceil(size / _MOST_PARTS))
    starts = range(0, size, length)
    return [Part(n, at, min(length, size - at)) for n, at in enumerate(starts, 1)]


def may_be_ours(sent: Mapping[int, PartTypeDef], parts: Sequence[Part]) -> bool:
    """Whether an upload with these parts, by number, is one of a file split like ours."""
    lengths = {part.number: part.bytes for part in parts}
    return all(lengths.get(number) == there["Size"] for number, there in sent.items())


def holds(there: PartTypeDef, data: bytes) -> bool:
    """Whether the part that S3 has is `data`, by its CRC-32 where S3 lists it, or its MD5.

    With a key of AWS KMS the ETag is no MD5: without a CRC-32 such a part is never believed.
    """
    if there["Size"] != len(data):
        return False
    if "ChecksumCRC32" in there:
        return there["ChecksumCRC32"] == crc32_of(data)
    return there["ETag"].strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest()


def completed(number: int, answer: PartTypeDef | UploadPartOutputTypeDef) -> CompletedPartTypeDef:
    """How a part is named when the upload is completed: its ETag, and the checksum S3 keeps."""
    if "ChecksumCRC32" in answer:
        crc32 = answer["ChecksumCRC32"]
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": crc32}
    return {"PartNumber": number, "ETag": answer["ETag"]}


def kept_as_asked(asked: Keeping, answer: UploadPartOutputTypeDef) -> bool:
    """Whether an upload is encrypted as `asked`, by the answer to one of its parts.

    A key is compared by id or ARN; of an alias nobody can tell, so it never fits.
    """
    if "ServerSideEncryption" not in asked:
        return True
    key = asked.get("SSEKMSKeyId", "")
    return answer.get("ServerSideEncryption") == asked["ServerSideEncryption"] and answer.get(
        "SSEKMSKeyId", ""
    ).endswith(key)
