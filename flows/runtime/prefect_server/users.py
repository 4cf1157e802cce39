"""Who uses the project's own server: one file for each process, locked for as long as it lives.

A lock and not the process id alone, which may be another process's by now.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from flows.runtime.prefect_server.locks import hold, is_held

# What this process holds, by the server's home; closed when the process ends.
_HELD: dict[Path, tuple[int, int, Path]] = {}


def join(home: Path) -> None:
    """Say that this process uses the server, until `leave` or its end."""
    process, _, entry = _HELD.get(home, (0, 0, home / "nobody"))
    if process == os.getpid() and entry.exists():
        return
    folder = home / "users"
    folder.mkdir(parents=True, exist_ok=True)
    entry = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
    # Locked before it has its name: whoever sees it without a lock may remove it.
    draft = folder / f".{entry.name}.draft"
    descriptor = hold(draft)
    assert descriptor is not None, "nobody else knows this name"
    draft.rename(entry)
    _HELD[home] = (os.getpid(), descriptor, entry)


def leave(home: Path) -> None:
    """Take `join` back."""
    if home in _HELD:
        _, descriptor, entry = _HELD.pop(home)
        entry.unlink(missing_ok=True)
        os.close(descriptor)


def live_users(home: Path) -> list[str]:
    """The entries of living processes; those of the others are removed."""
    entries = sorted(home.glob("users/[0-9]*"))
    live = [entry for entry in entries if is_held(entry)]
    for entry in set(entries).difference(live):
        entry.unlink(missing_ok=True)
    return [entry.name for entry in live]
