"""The `dvc` that a process is a stage of, and names of processes that last.

Imports little of the standard library on Linux: clients of a fork server are to start at once.
"""

from __future__ import annotations

import os
import sys


def dvc_above() -> int | None:
    """Return the process id of the `dvc` that this process is a stage of, or None."""
    if "DVC_STAGE" not in os.environ:
        return None
    process: int | None = os.getppid()
    while process:
        words, parent = _looked_at(process)
        if "dvc" in (word.rpartition("/")[2] for word in words[:3]):
            return process
        process = parent
    return None


def lasting_name(process: int) -> str:
    """Return the process id with the time at which it started: no other process has that."""
    if sys.platform == "linux":
        return f"{process}-{_stat(process)[19]}"
    import psutil

    return f"{process}-{psutil.Process(process).create_time():.2f}"


def _looked_at(process: int) -> tuple[list[str], int | None]:
    """Return the command line and the parent of a process; nothing for one that is gone, or
    somebody else's."""
    if sys.platform == "linux":
        try:
            with open(f"/proc/{process}/cmdline", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - no pathlib here
                return file.read().split("\0"), int(_stat(process)[1])
        except OSError:
            return [], None
    import psutil

    try:
        found = psutil.Process(process)
        return found.cmdline(), found.ppid()
    except psutil.Error:
        return [], None


def _stat(process: int) -> list[str]:
    """Return the fields of `/proc/<process>/stat` from its state on, the third."""
    with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()
