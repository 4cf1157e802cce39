"""What a network does to a transfer, between this package and a real S3."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from prefline.errors import DiskFull, ObjectStoreError
from tests.fault_proxy import Fault
from tests.prefline.objects.conftest import PART, Far

_ALWAYS = 1_000
_SECOND = "partNumber=2"
_SLOW_DOWN = {"status": 503, "code": "SlowDown"}

ON_UPLOADS: dict[str, Callable[[], Fault]] = {
    "a-part-is-reset": lambda: Fault("reset-request", "PUT", _SECOND, at=PART // 2),
    "a-part-gets-500": lambda: Fault("answer", "PUT", _SECOND, times=2),
    "a-part-gets-slow-down": lambda: Fault("answer", "PUT", _SECOND, times=2, **_SLOW_DOWN),
    "a-part-is-flipped": lambda: Fault("flip-request", "PUT", _SECOND, at=PART // 3, times=2),
    "the-begin-gets-slow-down": lambda: Fault("answer", "POST", "uploads", **_SLOW_DOWN),
    "the-end-gets-500": lambda: Fault("answer", "POST", "uploadId"),
    "the-end-is-not-heard": lambda: Fault("reset-answer", "POST", "uploadId", at=5),
    "the-begin-knows-no-checksum": lambda: Fault("answer", "POST", "uploads", status=400),
    "the-end-knows-no-condition": lambda: Fault("answer", "POST", "uploadId", status=501),
    "no-one-may-look": lambda: Fault("answer", "GET", "uploads", status=403, code="AccessDenied"),
    "the-look-gets-500": lambda: Fault("answer", "HEAD", times=2),
}
ON_DOWNLOADS: dict[str, Callable[[], Fault]] = {
    "reset": lambda: Fault("reset-answer", "GET", at=PART // 2),
    "truncated-thrice": lambda: Fault("cut-answer", "GET", at=PART // 4, times=3),
    "500": lambda: Fault("answer", "GET", times=2),
    "slow-down": lambda: Fault("answer", "GET", times=2, **_SLOW_DOWN),
    "flipped": lambda: Fault("flip-answer", "GET", at=PART // 3, times=2),
}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ON_UPLOADS)
def test_an_upload_outlives_it(far: Far, three_parts: Path, tmp_path: Path, name: str) -> None:
    far.proxy.faults = [ON_UPLOADS[name]()]
    assert far.store.put_file("file", three_parts)
    assert far.proxy.faults[0].times == 0
    assert far.store.download("file", tmp_path / "back") == sha256(three_parts)
    assert far.uploads() == []


@pytest.mark.parametrize("name", ON_DOWNLOADS)
def test_a_download_outlives_it(far: Far, three_parts: Path, tmp_path: Path, name: str) -> None:
    far.store.put_file("file", three_parts)
    far.proxy.faults = [ON_DOWNLOADS[name]()]
    assert far.store.download("file", tmp_path / "back") == sha256(three_parts)
    assert far.proxy.faults[0].times == 0
    assert sha256(tmp_path / "back") == sha256(three_parts)


def test_a_download_asks_only_for_what_has_not_arrived(
    far: Far, three_parts: Path, tmp_path: Path
) -> None:
    far.store.put_file("file", three_parts)
    far.proxy.faults = [Fault("cut-answer", "GET", at=PART)]
    far.store.download("file", tmp_path / "back")
    ranges = [one["range"] for one in far.proxy.headers if "range" in one]
    assert ranges == [f"bytes={PART}-"]


def test_an_upload_that_is_always_damaged_is_one_clear_error(far: Far, three_parts: Path) -> None:
    far.proxy.faults = [Fault("flip-request", "PUT", at=9, times=_ALWAYS)]
    with pytest.raises(ObjectStoreError, match="arrives with other bytes") as caught:
        far.store.put_file("file", three_parts)
    assert "changes bytes on the way" in caught.value.remedy
    with pytest.raises(ObjectStoreError, match="arrives with other bytes"):
        far.store.put("small", b"0123456789")
    far.proxy.faults = []
    assert far.store.put_file("file", three_parts)
    assert far.store.put("small", b"0123456789")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("flip-answer", "arrives with other bytes"),
        ("cut-answer", "could not be read to its end"),
        ("reset-answer", "could not be read to its end"),
    ],
)
def test_a_download_that_never_comes_is_one_clear_error(
    far: Far, tmp_path: Path, kind: str, said: str
) -> None:
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    store, target = far.store, tmp_path / "new" / "target"
    store.put_file("file", tmp_path / "file")
    far.proxy.faults = [Fault(kind, "GET", at=1000, times=_ALWAYS)]  # type: ignore[arg-type]
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


def test_a_slow_link_is_only_slow(far: Far, three_parts: Path, tmp_path: Path) -> None:
    far.proxy.bytes_per_second = 4 * PART
    assert far.store.put_file("file", three_parts)
    assert far.store.download("file", tmp_path / "back") == sha256(three_parts)


def test_a_disk_that_fills_up_on_the_way_leaves_nothing(
    far: Far, three_parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far.store.put_file("file", three_parts)
    target = tmp_path / "new" / "target"

    class FullDisk:
        """A file on a disk almost full."""

        def __init__(self, file: BinaryIO) -> None:
            self.file = file

        def write(self, block: bytes) -> int:
            if self.file.tell() + len(block) > PART // 3:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return self.file.write(block)

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    monkeypatch.setattr("prefline.objects.s3.fetch", _with_file(FullDisk))
    with pytest.raises(DiskFull, match=r"no space left while writing .*target"):
        far.store.download("file", target)
    assert list(target.parent.iterdir()) == []
    monkeypatch.undo()


def _with_file(disk: Callable[[BinaryIO], object]) -> Callable[..., str]:
    from prefline.objects.s3_download import fetch

    return lambda place, file: fetch(place, disk(file))  # type: ignore[arg-type]
