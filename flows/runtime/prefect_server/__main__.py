"""Host the project's own Prefect server until nobody has used it for a while.

`python -m flows.runtime.prefect_server HOME IDLE_SECONDS` returns at once and leaves a process
behind, which holds the lock of `HOME/host.lock`, keeps the server running while somebody uses
it, and removes `HOME/server.json` when it ends.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from flows.runtime.prefect_server import tied
from flows.runtime.prefect_server.find import EMPTY_DATABASE, hold, is_at, live_users
from prefline.atomic import atomic_write

_LOOK_S = 1.0
_STOP_S = 15.0
_YOUNG_S = 30.0
_MAX_YOUNG_DEATHS = 3
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


def host(home: Path, idle_s: float, held: int) -> None:
    """Keep a server running until it has been idle for `idle_s` seconds.

    One that dies is started again, on the same port, where its users try again for a while; one
    that dies young, as when its port was taken meanwhile, on another port, and not for ever.
    """
    port, deaths = free_port(), 0
    while deaths < _MAX_YOUNG_DEATHS:
        started = time.monotonic()
        server = start(home, port)
        died = _watch(home, server, idle_s, held)
        stop(server)
        if not (died and live_users(home)):
            break
        if time.monotonic() - started < _YOUNG_S:
            port, deaths = free_port(), deaths + 1
    if is_at(held, home / "host.lock"):
        (home / "server.json").unlink(missing_ok=True)


def _watch(home: Path, server: subprocess.Popen[bytes], idle_s: float, held: int) -> bool:
    """Wait until the server has died (True), has been idle or has lost its home (False)."""
    last_used = time.monotonic()
    while not _ends_within(server, _LOOK_S):
        if not is_at(held, home / "host.lock"):
            return False
        if live_users(home):
            last_used = time.monotonic()
        if time.monotonic() - last_used > idle_s and _close(home):
            return False
    return True


def _ends_within(server: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _close(home: Path) -> bool:
    """Take the server off the market, unless somebody is asking for it this moment."""
    asking = hold(home / "lock")
    if asking is None:
        return False
    try:
        idle = not live_users(home)
        if idle:
            (home / "server.json").unlink(missing_ok=True)
        return idle
    finally:
        os.close(asking)


def main(home: Path, idle_s: float) -> None:
    """Become the host, unless there is one."""
    lock = hold(home / "host.lock")
    if lock is None:
        return
    (home / "server.json").unlink(missing_ok=True)  # of a host that was killed
    # The lock passes on to the child: whoever started this process sees it held on return. A
    # session of its own, so that a Ctrl-C at the terminal is not for it.
    if os.fork():
        os._exit(0)
    os.setsid()
    host(home, idle_s, lock)


def free_port() -> int:
    """Return a port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(home: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a server whose database is in `home`, and say in `server.json` where it is."""
    if EMPTY_DATABASE.is_dir() and not (home / "prefect.db").exists():
        shutil.copytree(EMPTY_DATABASE, home, dirs_exist_ok=True)
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


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
