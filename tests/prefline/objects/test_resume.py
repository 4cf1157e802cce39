"""Uploads in parts that did not end: who goes on with them, and with which of their parts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from prefline.errors import ObjectStoreError
from prefline.objects import ObjectDiffers
from tests.fault_proxy import Fault
from tests.prefline.objects.conftest import Far

_MIB = 1 << 20
_ALWAYS = 1_000
_KEY = "data/file"


def begin(far: Far, *parts: bytes) -> dict[str, Any]:
    """An upload with these parts, as a dead publisher would have left it."""
    client, where = far.server.client, {"Bucket": far.bucket, "Key": _KEY}
    upload = client.create_multipart_upload(
        **where, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
    )
    where["UploadId"] = upload["UploadId"]
    for number, part in enumerate(parts, 1):
        client.upload_part(**where, PartNumber=number, Body=part)
    return where


def test_after_a_failure_the_same_call_sends_only_what_is_missing(
    far: Far, three_parts: Path
) -> None:
    far.proxy.faults = [Fault("answer", "PUT", "partNumber=2", times=_ALWAYS)]
    store = far.store()
    with pytest.raises(ObjectStoreError, match="500 to UploadPart") as caught:
        store.put_file("file", three_parts)
    assert "run the same command again" in caught.value.remedy
    assert store.list("") == []
    far.proxy.faults = []
    far.proxy.passed.clear()
    assert store.put_file("file", three_parts)
    assert far.proxy.parts() == [2]
    assert store.get("file") == three_parts.read_bytes()


def test_what_a_killed_publisher_has_sent_is_not_sent_again(far: Far, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(33 * _MIB))
    dead = threading.Event()
    far.proxy.faults = [
        Fault("call", "PUT", f"partNumber={number}", call=dead.wait) for number in (2, 5)
    ]
    code = f"from prefline.objects import *; from pathlib import Path; open_store({far.uri!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}.put_file('file', Path({str(path)!r}))"]
    )
    try:
        while far.proxy.parts() != [1, 3, 4]:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        far.proxy.faults = []
        dead.set()
    assert far.uploads() == [_KEY]
    far.proxy.passed.clear()
    assert far.store().put_file("file", path)
    assert set(far.proxy.parts()) <= {2, 5}
    assert far.store().get("file") == path.read_bytes()
    assert far.uploads() == []


def test_a_part_of_other_bytes_is_sent_again(far: Far, three_parts: Path) -> None:
    data = three_parts.read_bytes()
    begin(far, bytes(8 * _MIB), data[8 * _MIB : 16 * _MIB])
    assert far.store().put_file("file", three_parts)
    assert far.proxy.parts() == [1, 3]
    assert far.store().get("file") == data


def test_an_upload_of_other_parts_is_not_ours(far: Far, three_parts: Path) -> None:
    begin(far, three_parts.read_bytes()[: 5 * _MIB])
    store = far.store()
    assert store.put_file("file", three_parts)
    assert far.proxy.parts() == [1, 2, 3]
    assert far.uploads() == [_KEY]
    assert store.abort_unfinished("", timedelta(days=1)) == []
    assert store.abort_unfinished("other", timedelta(0)) == []
    assert store.abort_unfinished("", timedelta(0)) == ["file"]
    assert far.uploads() == []
    assert store.list("") == ["file"]


def test_an_upload_that_another_publisher_completes_is_taken(far: Far, three_parts: Path) -> None:
    data = three_parts.read_bytes()
    where = begin(far, data[: 8 * _MIB], data[8 * _MIB : 16 * _MIB], data[16 * _MIB :])

    def complete() -> None:
        parts = far.server.client.list_parts(**where)["Parts"]
        named = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
        far.server.client.complete_multipart_upload(**where, MultipartUpload={"Parts": named})

    far.server.client.upload_part(**where, PartNumber=3, Body=bytes(_MIB))  # ours is sent anew
    far.proxy.faults = [
        Fault("call", "PUT", "partNumber=3", call=lambda: _put_and_end(far, where, data))
    ]
    assert not far.store().put_file("file", three_parts)
    assert far.store().get("file") == data
    assert far.uploads() == []


def _put_and_end(far: Far, where: dict[str, Any], data: bytes) -> None:
    far.server.client.abort_multipart_upload(**where)
    far.server.client.put_object(Bucket=far.bucket, Key=_KEY, Body=data)


def test_an_upload_that_is_removed_under_way_is_begun_again(far: Far, three_parts: Path) -> None:
    where = begin(far, three_parts.read_bytes()[: 8 * _MIB])
    far.proxy.faults = [
        Fault(
            "call",
            "PUT",
            "partNumber=3",
            call=lambda: far.server.client.abort_multipart_upload(**where),
        )
    ]
    assert far.store().put_file("file", three_parts)
    assert far.store().get("file") == three_parts.read_bytes()


def test_a_large_file_is_one_publishers(far: Far, three_parts: Path) -> None:
    def overtake() -> None:
        far.server.client.put_object(Bucket=far.bucket, Key=_KEY, Body=b"there")

    far.proxy.faults = [Fault("call", "POST", "uploadId", call=overtake)]
    with pytest.raises(ObjectDiffers, match="5 bytes, not 17825792"):
        far.store().put_file("file", three_parts)
    assert far.store().get("file") == b"there"
    assert far.uploads() == []


def test_publishers_at_once_make_one_object(far: Far, three_parts: Path) -> None:
    begin(far, three_parts.read_bytes()[: 8 * _MIB])
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: far.store().put_file("file", three_parts), range(3)))
    assert sum(made) <= 1
    assert far.store().get("file") == three_parts.read_bytes()
    far.store().abort_unfinished("", timedelta(0))
    assert far.store().list("") == ["file"]
