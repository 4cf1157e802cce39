"""The server's process: its command, its settings, its end."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from flows.runtime.prefect_server import tied
from prefline.atomic import atomic_write

_STOP_S = 15.0
# What makes scheduled runs, watches over workers or reacts to events has nothing to do here.
# The recorder of task runs stays on, and what takes a dead process's concurrency slots back.
_OFF = (
    "CANCELLATION_CLEANUP",
    "EVENT_LOGGER",
    "EVENT_PERSISTER",
    "FOREMAN",
    "LATE_RUNS",
    "PAUSE_EXPIRATIONS",
    "SCHEDULER",
    "TRIGGERS",
)


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(home: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a server whose database is in `home`, and say in `server.json` where it is."""
    server = subprocess.Popen(
        # -P: the folder of `tied` is no place to import from.
        [sys.executable, "-P", tied.__file__, "prefect", "server", "start", "--host", "127.0.0.1",
         "--port", str(port), "--no-ui"],
        # Prefect reads settings from files in the working directory.
        stdin=subprocess.PIPE, cwd=home, env=_environment(home),
    )  # fmt: skip
    with atomic_write(home / "server.json") as file:
        entry = {"pid": server.pid, "url": f"http://127.0.0.1:{port}/api"}
        file.write(json.dumps(entry).encode())
    return server


def announced(home: Path) -> str | None:
    """The URL in `server.json`, whether or not the server is still there."""
    try:
        return str(json.loads((home / "server.json").read_text())["url"])
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return None


def _environment(home: Path) -> dict[str, str]:
    """This process's environment, but for settings of another server that the user may have."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return (
        kept
        | {f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false" for service in _OFF}
        | {
            "PREFECT_HOME": str(home),
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
    )


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and wait for it."""
    assert server.stdin is not None
    server.stdin.close()
    try:
        server.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
