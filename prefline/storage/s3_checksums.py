"""Checksums as S3 writes them, and what they tell of an object that is there already."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from typing import TYPE_CHECKING, BinaryIO, TypedDict

from prefline.storage.streams import BLOCK

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef


class Checksum(TypedDict, total=False):
    """How boto3 wants to be told a body's checksum."""

    ChecksumCRC32: str
    ContentMD5: str


def crc32_of(data: bytes) -> str:
    """CRC-32 of some bytes as S3 writes it: four bytes, the highest first, in Base64."""
    return _text(zlib.crc32(data).to_bytes(4, "big"))


def md5_of(data: bytes) -> str:
    """MD5 of some bytes as S3 writes it in a request: Base64."""
    return _text(hashlib.md5(data, usedforsecurity=False).digest())


def difference(head: HeadObjectOutputTypeDef, file: BinaryIO) -> str:
    """In what an object is not the file, by its HEAD; empty if that shows no difference.

    The size always; the bytes where the server keeps one CRC-32 of the whole, which this
    package asks for and which costs a read of the file at some GB/s. An object that others
    uploaded may have none (or one of its parts, "...-7"): then the size must do, and a
    reader's SHA-256 finds the rest. Raises `OSError` as the disk does.
    """
    size = os.fstat(file.fileno()).st_size
    if head["ContentLength"] != size:
        return f"{head['ContentLength']} bytes, not {size}"
    kept = head.get("ChecksumCRC32", "-")
    if "-" in kept:
        return ""
    ours = _crc32_of_file(file)
    return "" if kept == ours else f"as many bytes, {size}, but CRC-32 {kept}, not {ours}"


def _crc32_of_file(file: BinaryIO) -> str:
    value = 0
    file.seek(0)
    while block := file.read(BLOCK):
        value = zlib.crc32(block, value)
    return _text(value.to_bytes(4, "big"))


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
