"""What a network does to a transfer, between this package and a real S3."""

from __future__ import annotations

import errno
import gc
import hashlib
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from prefline.atomic import atomic_write
from prefline.errors import DiskFull, ObjectStoreError
from tests.fault_proxy import Fault, Kind
from tests.prefline.storage.conftest import BLOCK, PART, Far

_ALWAYS = 1_000
_SECOND = "partNumber=2"
_SLOW_DOWN = {"status": 503, "code": "SlowDown"}

ON_UPLOADS: dict[str, Callable[[], Fault]] = {
    "a-part-is-reset": lambda: Fault("reset-request", "PUT", "partNumber=1", at=PART // 2),
    "a-part-gets-500": lambda: Fault("answer", "PUT", _SECOND, times=2),
    "a-part-gets-slow-down": lambda: Fault("answer", "PUT", _SECOND, times=2, **_SLOW_DOWN),
    "a-part-is-flipped": lambda: Fault("flip-request", "PUT", _SECOND, at=500, times=2),
    "the-begin-gets-slow-down": lambda: Fault("answer", "POST", "uploads", **_SLOW_DOWN),
    "the-end-gets-500": lambda: Fault("answer", "POST", "uploadId"),
    "the-end-is-not-heard": lambda: Fault("reset-answer", "POST", "uploadId", at=5),
    "the-begin-knows-no-checksum": lambda: Fault("answer", "POST", "uploads", status=400),
    "the-end-knows-no-condition": lambda: Fault("answer", "POST", "uploadId", status=501),
    "the-look-gets-500": lambda: Fault("answer", "HEAD", times=2),
}
ON_DOWNLOADS: dict[str, Callable[[], Fault]] = {
    "reset": lambda: Fault("reset-answer", "GET", at=BLOCK + 9),
    "truncated-thrice": lambda: Fault("cut-answer", "GET", at=BLOCK // 2, times=3),
    "500": lambda: Fault("answer", "GET", times=2),
    "slow-down": lambda: Fault("answer", "GET", times=2, **_SLOW_DOWN),
    "flipped": lambda: Fault("flip-answer", "GET", at=BLOCK + 9, times=2),
}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ON_UPLOADS)
def test_an_upload_outlives_it(far: Far, two_parts: Path, tmp_path: Path, name: str) -> None:
    far.proxy.faults = [ON_UPLOADS[name]()]
    assert far.store.put_file("file", two_parts)
    assert far.proxy.faults[0].times == 0
    assert far.store.download("file", tmp_path / "back") == sha256(two_parts)
    assert far.uploads() == []


@pytest.mark.parametrize("name", ON_DOWNLOADS)
def test_a_download_outlives_it(far: Far, two_blocks: Path, tmp_path: Path, name: str) -> None:
    far.store.put_file("file", two_blocks)
    far.proxy.faults = [ON_DOWNLOADS[name]()]
    assert far.store.download("file", tmp_path / "back") == sha256(two_blocks)
    assert far.proxy.faults[0].times == 0
    assert sha256(tmp_path / "back") == sha256(two_blocks)


def test_of_a_large_download_that_breaks_off_one_part_is_asked_for_again(
    far: Far, three_parts: Path, tmp_path: Path
) -> None:
    far.store.put_file("file", three_parts)
    far.proxy.faults = [Fault("cut-answer", "GET", at=500)]
    assert far.store.download("file", tmp_path / "back") == sha256(three_parts)
    ranges = [headers["range"] for headers in far.proxy.headers if "range" in headers]
    assert len(ranges) == 4
    assert len(set(ranges)) == 3


def test_a_small_object_that_is_damaged_on_the_way_is_sent_again(far: Far) -> None:
    far.proxy.faults = [
        Fault("flip-request", "PUT", at=3, times=2),
        Fault("flip-answer", "GET", at=3, times=2),
    ]
    assert far.store.put("small", b"0123456789")
    assert far.store.get("small") == b"0123456789"
    assert len(far.proxy.seen) == 6


def test_an_upload_that_is_always_damaged_is_one_clear_error(far: Far, two_parts: Path) -> None:
    far.proxy.faults = [Fault("flip-request", "PUT", "=2", at=9, times=_ALWAYS)]
    with pytest.raises(ObjectStoreError, match="arrives with other bytes") as caught:
        far.store.put_file("file", two_parts)
    assert "changes bytes on the way" in caught.value.remedy
    far.proxy.faults = []
    assert far.store.put_file("file", two_parts)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("flip-answer", "arrives with other bytes"),
        ("cut-answer", "could not be read to its end"),
        ("reset-answer", "could not be read to its end"),
    ],
)
def test_a_download_that_never_comes_is_one_clear_error(
    far: Far, tmp_path: Path, kind: Kind, said: str
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    store, target = far.store, tmp_path / "new" / "target"
    store.put_file("file", tmp_path / "file")
    far.proxy.faults = [Fault(kind, "GET", at=1000, times=_ALWAYS)]
    with pytest.raises(ObjectStoreError, match=said):
        store.download("file", target)
    assert list(target.parent.iterdir()) == []
    far.proxy.faults = []
    assert store.download("file", target) == sha256(tmp_path / "file")


def test_without_a_checksum_of_the_store_the_hash_still_tells(far: Far, tmp_path: Path) -> None:
    upload = far.client.create_multipart_upload(**far.address("file"))
    where = far.address("file") | {"UploadId": upload["UploadId"]}
    part = far.client.upload_part(**where, PartNumber=1, Body=bytes(100_000))
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    far.client.complete_multipart_upload(**where, MultipartUpload=parts)
    right = hashlib.sha256(bytes(100_000)).hexdigest()
    far.proxy.faults = [Fault("flip-answer", "GET", at=1000)]
    assert far.store.download("file", tmp_path / "target") != right
    assert far.store.download("file", tmp_path / "target") == right


def test_a_slow_link_is_only_slow(far: Far, two_parts: Path, tmp_path: Path) -> None:
    far.proxy.bytes_per_second = 4 * PART
    assert far.store.put_file("file", two_parts)
    assert far.store.download("file", tmp_path / "back") == sha256(two_parts)


class FullDisk:
    """A file on a disk that has space for one block."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, block: bytes) -> int:
        if self._file.tell() + len(block) > BLOCK:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(block)

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def test_a_disk_that_fills_up_on_the_way_leaves_nothing(
    far: Far, two_blocks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far.store.put_file("file", two_blocks)
    target = tmp_path / "new" / "target"

    @contextmanager
    def on_a_full_disk(path: Path) -> Iterator[Any]:
        with atomic_write(path) as file:
            yield FullDisk(file)

    with monkeypatch.context() as patch:
        patch.setattr("prefline.storage.s3.atomic_write", on_a_full_disk)
        with pytest.raises(DiskFull, match=r"no space left while writing .*target"):
            far.store.download("file", target)
    with warnings.catch_warnings():
        # The transfer manager leaves the connection of a failed download to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    assert list(target.parent.iterdir()) == []
    assert far.store.download("file", target) == sha256(two_blocks)
