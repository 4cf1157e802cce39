"""Who uses the project's own server: one file for each process, named by its pid."""

from __future__ import annotations

import os
from pathlib import Path


def register(home: Path, pid: int) -> None:
    """Say that the process `pid` uses the server; holds for as long as it lives."""
    folder = home / "users"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(pid)).touch()


def live_users(home: Path) -> list[int]:
    """The registered processes that are still there; the others are forgotten."""
    live = []
    for entry in sorted((home / "users").glob("*")):
        pid = int(entry.name)
        if is_alive(pid):
            live.append(pid)
        else:
            entry.unlink(missing_ok=True)
    return live


def is_alive(pid: int) -> bool:
    """Whether there is such a process. One that has ended and that nobody has waited for yet
    counts as there, so whoever starts processes must wait for them."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, but there
    return True
