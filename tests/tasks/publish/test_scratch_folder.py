from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tasks.publish.sorting import scratch_in


def test_what_a_killed_publisher_left_is_removed_and_what_a_living_one_uses_is_not(
    tmp_path: Path,
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, used = (tmp_path / f"publish-{pid}-abc" for pid in (ended.pid, os.getppid()))
    for folder in (left, used, tmp_path / "replies"):
        folder.mkdir()
        (folder / "file").touch()
    with scratch_in(tmp_path) as mine:
        (mine / "file").touch()
        assert {one.name for one in tmp_path.iterdir()} == {used.name, "replies", mine.name}

    assert {one.name for one in tmp_path.iterdir()} == {used.name, "replies"}
