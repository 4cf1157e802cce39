"""What only a folder can do wrong, and what is said about it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from prefline.errors import DiskFull, ObjectStoreError, StoreUnsafe, StoreUnwritable
from prefline.storage import ObjectStore, StoreOptions, open_store


@pytest.fixture
def folder(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


def failing(number: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def files_below(path: Path) -> list[Path]:
    return [found for found in path.rglob("*") if found.is_file()]


@pytest.mark.parametrize("call", ["put", "check_writable"])
def test_a_store_below_a_file_is_unwritable(tmp_path: Path, call: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = open_store(str(tmp_path / "file" / "store"))
    with pytest.raises(StoreUnwritable, match=r"cannot write .*file") as caught:
        store.put("a/b", b"") if call == "put" else store.check_writable()
    assert "may write" in caught.value.remedy
    assert store.size("a/b") is None


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = open_store(str(tmp_path / "file"))
    with pytest.raises(ObjectStoreError, match="is a file, not the folder"):
        store.list("")
    with pytest.raises(StoreUnwritable):
        store.check_writable()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS], ids=["denied", "read-only"])
def test_a_folder_that_refuses_is_unwritable(
    folder: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    monkeypatch.setattr(os, "link", failing(number))
    with pytest.raises(StoreUnwritable, match=os.strerror(number)):
        folder.put("a/b", b"x")
    with pytest.raises(StoreUnwritable):
        folder.check_writable()
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT], ids=["disk", "quota"])
@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_full_disk_says_so_and_leaves_nothing(
    folder: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    number: int,
    call: str,
) -> None:
    folder.check_writable()
    monkeypatch.setattr(os, call, failing(number))
    with pytest.raises(DiskFull, match=r"no space left while writing .*key"):
        folder.put("key", b"x")
    assert files_below(tmp_path) == []
    monkeypatch.undo()
    assert folder.put("key", b"x")


def test_a_full_disk_under_a_download_says_so_and_leaves_nothing(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store.put("key", b"x")
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    with pytest.raises(DiskFull, match=r"no space left while writing .*target"):
        store.download("key", tmp_path / "here" / "target")
    assert files_below(tmp_path / "here") == []


def test_a_file_system_without_links_is_refused(
    folder: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    with pytest.raises(StoreUnsafe, match=r"hard links.* two publishers") as caught:
        folder.check_writable()
    assert "publish.single_publisher: true" in caught.value.remedy
    with pytest.raises(StoreUnsafe, match="hard links"):
        folder.put("key", b"x")
    assert files_below(tmp_path) == []


def test_a_single_publisher_needs_no_links(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    store = open_store(str(tmp_path), StoreOptions(single_publisher=True))
    store.check_writable()
    assert store.put("key", b"first")
    assert not store.put("key", b"second")
    assert store.get("key") == b"first"
    assert files_below(tmp_path) == [tmp_path / "key"]


def test_what_a_killed_publisher_left_is_no_object(folder: ObjectStore, tmp_path: Path) -> None:
    folder.put("d/key", b"x")
    (tmp_path / "store" / "d" / ".prefline-tmp-0123").write_bytes(b"half")
    assert folder.list("") == ["d/key"]


def test_what_a_killed_publisher_left_is_removed_once_it_is_old(
    folder: ObjectStore, tmp_path: Path
) -> None:
    for name in ("d/.prefline-tmp-old", "d/.prefline-tmp-new", "e/.prefline-tmp-old", "d/key"):
        path = tmp_path / "store" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        if not name.endswith("new"):
            os.utime(path, (time.time() - 8 * 86_400,) * 2)
    assert folder.abort_unfinished("d/") == ["d/.prefline-tmp-old"]
    assert folder.abort_unfinished("") == ["e/.prefline-tmp-old"]
    assert folder.abort_unfinished("", timedelta(0)) == ["d/.prefline-tmp-new"]
    assert folder.list("") == ["d/key"]


def test_a_folder_is_opened_without_boto3(tmp_path: Path) -> None:
    code = (
        "import sys; from prefline.storage import open_store; open_store('x').list('')\n"
        "assert 'boto3' not in sys.modules and 'botocore' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_a_folder_is_no_object(folder: ObjectStore) -> None:
    folder.put("d/key", b"x")
    assert folder.size("d") is None
    assert folder.size("d/key/below") is None
