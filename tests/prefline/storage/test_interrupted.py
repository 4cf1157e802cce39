"""Uploads that did not end, or that met another publisher's."""

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

import pytest

from prefline.errors import ObjectStoreError
from prefline.storage import ObjectDiffers, StoreOptions, open_store
from tests.fault_proxy import Fault
from tests.prefline.storage.conftest import PART, Far

_ALWAYS = 1_000


def test_an_upload_that_failed_leaves_nothing_and_the_same_call_succeeds(
    far: Far, three_parts: Path
) -> None:
    far.proxy.faults = [Fault("answer", "PUT", "partNumber=2", times=_ALWAYS)]
    store = far.store
    with pytest.raises(ObjectStoreError, match="500 to UploadPart") as caught:
        store.put_file("file", three_parts)
    assert "run the same command again" in caught.value.remedy
    assert store.list("") == far.uploads() == []
    far.proxy.faults = []
    assert store.put_file("file", three_parts)
    assert store.get("file") == three_parts.read_bytes()


def test_after_a_killed_publisher_the_file_is_sent_anew_and_gc_removes_what_it_left(
    far: Far, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(3 * PART + 1))
    dead = threading.Event()
    far.proxy.faults = [
        Fault("call", "PUT", f"partNumber={number}", call=dead.wait) for number in (2, 4)
    ]
    code = (
        "from pathlib import Path; from prefline.storage import open_store, s3\n"
        f"s3.PART_BYTES = {PART}\n"
        f"open_store({far.uri!r}).put_file('file', Path({str(path)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        while far.proxy.parts() != [1, 3]:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        far.proxy.faults = []
        dead.set()
    store = far.store
    assert far.uploads() == ["file"]
    assert store.list("") == []

    assert store.put_file("file", path)
    assert store.get("file") == path.read_bytes()
    assert store.abort_unfinished("", timedelta(days=1)) == []
    assert store.abort_unfinished("other", timedelta(0)) == []
    assert far.uploads() == ["file"]
    assert store.abort_unfinished("", timedelta(0)) == ["file"]
    assert far.uploads() == []
    assert store.list("") == ["file"]


def test_a_large_file_is_encrypted_as_asked(far: Far, two_parts: Path) -> None:
    store = open_store(far.uri, StoreOptions(encryption="AES256"))
    assert store.put_file("file", two_parts)
    assert far.client.head_object(**far.address("file"))["ServerSideEncryption"] == "AES256"
    assert store.get("file") == two_parts.read_bytes()


def test_an_upload_that_is_removed_under_way_is_begun_again(far: Far, three_parts: Path) -> None:
    def remove() -> None:
        found = far.client.list_multipart_uploads(Bucket=far.bucket, Prefix=far.prefix)
        for upload in found["Uploads"]:
            far.client.abort_multipart_upload(**far.address("file"), UploadId=upload["UploadId"])

    far.proxy.faults = [Fault("call", "PUT", "partNumber=3", call=remove)]
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


def test_a_file_that_becomes_shorter_is_no_object(
    far: Far, three_parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server waits for the rest of a part, in vain.
    monkeypatch.setattr("prefline.storage.s3_client._READ_TIMEOUT_S", 1)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    cut = partial(os.truncate, three_parts, PART)
    far.proxy.faults = [Fault("call", "POST", "uploads", call=cut)]
    with pytest.raises(ObjectStoreError):
        far.store.put_file("file", three_parts)
    assert far.store.list("") == []


def test_publishers_at_once_make_one_object(far: Far, three_parts: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        created = list(
            pool.map(lambda _: open_store(far.uri).put_file("file", three_parts), range(3))
        )
    assert any(created)  # of equal bytes, several may have created it
    assert far.store.get("file") == three_parts.read_bytes()
    assert far.store.list("") == ["file"]
    assert far.uploads() == []
