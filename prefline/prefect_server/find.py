"""Finding a Prefect server, or starting one that the next stages will find."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from filelock import FileLock

from prefline.environment import prefect_api_url
from prefline.errors import WorkflowError
from prefline.prefect_server.users import is_alive, register
from prefline.project import Project

IDLE_S = 60.0
_START_S = 120.0
_LOOK_S = 0.2
_HEALTH_S = 5.0


def api_url(project: Project, idle_s: float = IDLE_S) -> str:
    """The URL of a Prefect API that answers.

    `PREFECT_API_URL` wins. Otherwise the project's own server is found or started; it ends
    `idle_s` seconds after the last process that asked for it has.

    Raises `WorkflowError` if the server that was named does not answer or ours does not start.
    """
    given = prefect_api_url()
    if given is not None:
        if not is_healthy(given):
            raise WorkflowError(
                f"the Prefect server at PREFECT_API_URL={given} does not answer",
                "start it, or unset PREFECT_API_URL and the project starts one of its own",
            )
        return given
    home = project.prefect_home
    register(home, os.getpid())
    with FileLock(home / "lock"):
        if _hosted(home) is None:
            _start(home, idle_s)
        return _wait_until_healthy(home)


def is_healthy(url: str) -> bool:
    """Whether the API at `url` says that it is up."""
    try:
        # Past any proxy: it is our own machine, or one that the user named.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{url}/health", timeout=_HEALTH_S) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False


def _hosted(home: Path) -> str | None:
    """The URL in `server.json`, if the process that wrote it is still there."""
    try:
        said = json.loads((home / "server.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return str(said["url"]) if is_alive(said["pid"]) else None


def _start(home: Path, idle_s: float) -> None:
    (home / "server.json").unlink(missing_ok=True)
    # The host leaves this process at once, so that nobody has to wait for its end.
    subprocess.run(
        [sys.executable, "-m", "prefline.prefect_server", str(home), str(idle_s)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def _wait_until_healthy(home: Path) -> str:
    give_up = time.monotonic() + _START_S
    while time.monotonic() < give_up:
        url = _hosted(home)
        if url is not None and is_healthy(url):
            return url
        time.sleep(_LOOK_S)
    raise WorkflowError(
        f"the project's own Prefect server did not start within {_START_S:g} s",
        f"see {home / 'server.log'}; or start one yourself with `prefect server start` and "
        "export PREFECT_API_URL",
    )
