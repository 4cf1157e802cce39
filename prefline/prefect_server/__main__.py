"""Host the project's own Prefect server until nobody has used it for a while.

`python -m prefline.prefect_server HOME IDLE_SECONDS` is started by `find.api_url` and leaves it
at once. It writes `HOME/server.json` (its pid and the server's URL) and removes it when it ends.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from prefline.prefect_server.users import live_users

_LOOK_S = 1.0
_STOP_S = 10.0
_PORTS_TO_TRY = 3


def host(home: Path, idle_s: float) -> None:
    """Run the server and watch over it. A port that was taken meanwhile is given up for another."""
    for _ in range(_PORTS_TO_TRY):
        started = time.monotonic()
        server = _start(home)
        _watch(home, server, idle_s)
        died_at_once = server.returncode is not None and time.monotonic() - started < idle_s
        _stop(server)
        if not (died_at_once and live_users(home)):
            break
    (home / "server.json").unlink(missing_ok=True)


def _start(home: Path) -> subprocess.Popen[bytes]:
    port = _free_port()
    with (home / "server.log").open("ab") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1",
             "--port", str(port)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | _settings(home),
        )  # fmt: skip
    draft = home / ".server.json.draft"
    draft.write_text(json.dumps({"pid": os.getpid(), "url": f"http://127.0.0.1:{port}/api"}))
    draft.rename(home / "server.json")
    return server


def _settings(home: Path) -> dict[str, str]:
    """A server that keeps what stages tell it and does nothing else: the services that make
    scheduled runs and the like would only cost time here."""
    off = ("SCHEDULER", "LATE_RUNS", "PAUSE_EXPIRATIONS", "CANCELLATION_CLEANUP", "FOREMAN")
    return {"PREFECT_HOME": str(home), "PREFECT_LOGGING_LEVEL": "WARNING"} | {
        f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false" for service in off
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _watch(home: Path, server: subprocess.Popen[bytes], idle_s: float) -> None:
    """Return when the server has ended, or has had no user for `idle_s` seconds."""
    last_used = time.monotonic()
    while server.poll() is None:
        if live_users(home):
            last_used = time.monotonic()
        if time.monotonic() - last_used > idle_s:
            return
        time.sleep(_LOOK_S)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    # It outlives the stage that starts it, and a Ctrl-C at the terminal is not for it.
    if os.fork():
        os._exit(0)
    os.setsid()
    host(Path(sys.argv[1]), float(sys.argv[2]))
