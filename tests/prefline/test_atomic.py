"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prefline.atomic import TEMPORARY, atomic_folder, atomic_write, is_alive, temporary_file
from prefline.errors import DiskFull, FileError


def test_a_file_is_there_once_the_block_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with atomic_write(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as file:
        file.write(b"half" * (1 // 0))
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_unfinished_goes_with_the_next_write(tmp_path: Path) -> None:
    abandoned, new = tmp_path / f"{TEMPORARY}old", tmp_path / f"{TEMPORARY}new"
    for path in (abandoned, new):
        path.write_bytes(b"half")
    with temporary_file(tmp_path) as (_, at_work):
        for path in (abandoned, at_work):
            os.utime(path, (1, 1))
        with atomic_write(tmp_path / "file") as file:
            file.write(b"whole")
        left = {path.name for path in tmp_path.iterdir()}

    assert left == {"file", at_work.name, new.name}, "what another may be writing stays"


def test_a_full_disk_and_a_place_that_is_taken_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(FileError, match=r"cannot write .*below"),
        atomic_write(tmp_path / "file" / "below"),
    ):
        pytest.fail("there is no such folder")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(DiskFull, match=r"no space left while writing .*other"),
        atomic_write(tmp_path / "other") as file,
    ):
        file.write(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    for name in ("first", "second"):
        with atomic_folder(folder) as draft:
            (draft / name).write_bytes(b"")
    assert [path.name for path in folder.iterdir()] == ["second"]
    with pytest.raises(ZeroDivisionError), atomic_folder(folder):
        raise ZeroDivisionError
    assert [path.name for path in folder.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [folder]


def test_what_killed_processes_left_is_removed_and_the_draft_of_a_living_one_is_not(
    tmp_path: Path,
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f".table.{dead.pid}.draft").mkdir()
    living = tmp_path / f".table.{os.getppid()}.draft"
    living.mkdir()
    with atomic_folder(tmp_path / "table"):
        pass
    assert is_alive(os.getppid())
    assert sorted(tmp_path.iterdir()) == sorted([living, tmp_path / "table"])
