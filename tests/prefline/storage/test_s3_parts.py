"""Which part of a file is which, and which of them S3 is believed to have."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.storage.s3_checksums import crc32_of
from prefline.storage.s3_client import Keeping
from prefline.storage.s3_parts import PART_BYTES, Part, holds, kept_as_asked, may_be_ours, split

_MOST_PARTS = 10_000


@given(st.integers(0, 5 << 40))
def test_parts_cover_a_file_once_in_numbers_that_s3_takes(size: int) -> None:
    parts = split(size)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert len(parts) <= _MOST_PARTS
    end = 0
    for part in parts:
        assert part.start == end
        end += part.bytes
    assert end == size
    # All but the last alike, and no smaller than S3 wants them.
    assert all(part.bytes == parts[0].bytes >= PART_BYTES for part in parts[:-1])


def listed(number: int, data: bytes, **more: str) -> Any:
    etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return {"PartNumber": number, "Size": len(data), "ETag": f'"{etag}"'} | more


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_a_part_is_believed_by_its_bytes(ours: bytes, theirs: bytes) -> None:
    same = ours == theirs
    assert holds(listed(1, theirs), ours) == same
    assert holds(listed(1, theirs, ChecksumCRC32=crc32_of(theirs), ETag="opaque"), ours) == same
    assert not holds(listed(1, theirs, ETag='"opaque"'), ours)


def test_an_upload_may_be_ours_if_its_parts_are_cut_like_ours() -> None:
    parts = [Part(1, 0, 8), Part(2, 8, 3)]
    eight, three = bytes(8), bytes(3)
    assert may_be_ours({}, parts)
    assert may_be_ours({2: listed(2, three)}, parts)
    assert not may_be_ours({1: listed(1, three)}, parts)
    assert not may_be_ours({1: listed(1, eight), 3: listed(3, three)}, parts)


@pytest.mark.parametrize(
    ("asked", "answer", "kept"),
    [
        ({}, {"ServerSideEncryption": "AES256"}, True),
        ({"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "AES256"}, True),
        ({"ServerSideEncryption": "AES256"}, {}, False),
        ({"ServerSideEncryption": "aws:kms"}, {"ServerSideEncryption": "AES256"}, False),
        (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "12ab"},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:eu:1:key/12ab"},
            True,
        ),
        (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/team"},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:eu:1:key/12ab"},
            False,
        ),
    ],
)
def test_an_upload_is_gone_on_with_if_it_is_encrypted_as_asked(
    asked: Keeping, answer: Any, kept: bool
) -> None:
    assert kept_as_asked(asked, answer) == kept
