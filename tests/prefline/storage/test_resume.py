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
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from prefline.errors import ObjectStoreError
from prefline.storage import ObjectDiffers, StoreOptions, open_store
from tests.fault_proxy import Fault
from tests.prefline.storage.conftest import PART, Far

_ALWAYS = 1_000


def begin(far: Far, *parts: bytes, **how: str) -> dict[str, Any]:
    """An upload with these parts, as a dead publisher would have left it."""
    client, where = far.client, far.address("file")
    upload = client.create_multipart_upload(
        **where, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT", **how
    )
    where["UploadId"] = upload["UploadId"]
    for number, part in enumerate(parts, 1):
        client.upload_part(**where, PartNumber=number, Body=part)
    return where


def test_after_a_failure_the_same_call_sends_only_what_is_missing(
    far: Far, three_parts: Path
) -> None:
    far.proxy.faults = [Fault("answer", "PUT", "partNumber=2", times=_ALWAYS)]
    store = far.store
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
    path.write_bytes(os.urandom(4 * PART + 1))
    dead = threading.Event()
    far.proxy.faults = [
        Fault("call", "PUT", f"partNumber={number}", call=dead.wait) for number in (2, 5)
    ]
    code = (
        "from pathlib import Path; from prefline.storage import open_store, s3_parts\n"
        f"s3_parts.PART_BYTES = {PART}\n"
        f"open_store({far.uri!r}).put_file('file', Path({str(path)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        while far.proxy.parts() != [1, 3, 4]:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        far.proxy.faults = []
        dead.set()
    assert far.uploads() == ["file"]
    far.proxy.passed.clear()
    assert far.store.put_file("file", path)
    assert set(far.proxy.parts()) <= {2, 5}
    assert far.store.get("file") == path.read_bytes()
    assert far.uploads() == []


def test_a_part_of_other_bytes_is_sent_again(far: Far, three_parts: Path) -> None:
    data = three_parts.read_bytes()
    begin(far, bytes(PART), data[PART : 2 * PART])
    assert far.store.put_file("file", three_parts)
    assert far.proxy.parts() == [1, 3]
    assert far.store.get("file") == data


def test_an_upload_of_other_parts_is_not_ours(far: Far, three_parts: Path) -> None:
    begin(far, three_parts.read_bytes()[: PART // 2])
    store = far.store
    assert store.put_file("file", three_parts)
    assert far.proxy.parts() == [1, 2, 3]
    assert far.uploads() == ["file"]
    assert store.abort_unfinished("", timedelta(days=1)) == []
    assert store.abort_unfinished("other", timedelta(0)) == []
    assert store.abort_unfinished("", timedelta(0)) == ["file"]
    assert far.uploads() == []
    assert store.list("") == ["file"]


@pytest.mark.parametrize(
    ("how", "sent"),
    [({"ServerSideEncryption": "AES256"}, [1, 3]), ({}, [1, 1, 2, 3])],
    ids=["encrypted-too", "not-encrypted"],
)
def test_an_upload_is_gone_on_with_if_it_is_encrypted_alike(
    far: Far, three_parts: Path, how: dict[str, str], sent: list[int]
) -> None:
    data = three_parts.read_bytes()
    begin(far, data[:PART], data[PART : 2 * PART], **how)
    store = open_store(far.uri, StoreOptions(encryption="AES256"))
    assert store.put_file("file", three_parts)
    assert far.proxy.parts() == sent
    head = far.client.head_object(**far.address("file"))
    assert head["ServerSideEncryption"] == "AES256"
    assert store.get("file") == data


def test_an_upload_that_another_publisher_completes_is_taken(far: Far, three_parts: Path) -> None:
    data = three_parts.read_bytes()
    where = begin(far, data[:PART], data[PART : 2 * PART])

    def complete() -> None:
        right = {"PartNumber": 3, "Body": data[2 * PART :]}
        far.client.upload_part(**where, **right)
        parts = far.client.list_parts(**where)["Parts"]
        named = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
        far.client.complete_multipart_upload(**where, MultipartUpload={"Parts": named})

    far.proxy.faults = [Fault("call", "PUT", "partNumber=3", call=complete)]
    assert not far.store.put_file("file", three_parts)
    assert far.proxy.parts() == []
    assert far.store.get("file") == data
    assert far.uploads() == []


def test_an_upload_that_is_removed_under_way_is_begun_again(far: Far, three_parts: Path) -> None:
    where = begin(far, three_parts.read_bytes()[:PART])
    abort = partial(far.client.abort_multipart_upload, **where)
    far.proxy.faults = [Fault("call", "PUT", "partNumber=3", call=abort)]
    assert far.store.put_file("file", three_parts)
    assert far.store.get("file") == three_parts.read_bytes()


def test_a_large_file_is_one_publishers(far: Far, three_parts: Path) -> None:
    def overtake() -> None:
        far.client.put_object(**far.address("file"), Body=b"there")

    far.proxy.faults = [Fault("call", "POST", "uploadId", call=overtake)]
    with pytest.raises(ObjectDiffers, match="5 bytes, not 10486760"):
        far.store.put_file("file", three_parts)
    assert far.store.get("file") == b"there"
    assert far.uploads() == []


def test_a_file_that_becomes_shorter_is_no_object(far: Far, three_parts: Path) -> None:
    cut = partial(os.truncate, three_parts, PART)
    far.proxy.faults = [Fault("call", "POST", "uploads", call=cut)]
    with pytest.raises(ObjectStoreError, match=r"cannot read .*three-parts: it became shorter"):
        far.store.put_file("file", three_parts)
    assert far.store.list("") == []


def test_publishers_at_once_make_one_object(far: Far, three_parts: Path) -> None:
    begin(far, three_parts.read_bytes()[:PART])
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: open_store(far.uri).put_file("file", three_parts), range(3)))
    assert any(made)  # of equal bytes, several may have made it
    assert far.store.get("file") == three_parts.read_bytes()
    far.store.abort_unfinished("", timedelta(0))
    assert far.store.list("") == ["file"]
