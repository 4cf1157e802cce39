"""Find a Prefect server, or start one of the project's own that the next stages will find.

The project's own server ends when nobody uses it. Each process that uses it holds the lock of one
file in `users/` for as long as it lives: a lock and not the process id alone, which may be another
process's by now. The kernel lets go of a lock when its holder ends, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from prefline.config.environment import is_own_server, prefect_api_url
from prefline.errors import WorkflowError
from prefline.project import Project

IDLE_S = 60.0
EMPTY_DATABASE = Path(sys.prefix) / f"prefect-{version('prefect')}"
"""The folder of a new database, which `make setup` makes; a server's home begins as its copy."""
_START_S = 120.0
_MAX_STARTS = 2
_LOOK_S = 0.1
_HEALTH_S = 5.0
# Where Prefect's settings may name another server.
_PROFILES = Path.home() / ".prefect" / "profiles.toml"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SERVER_ERROR = 500
# What this process holds, by the server's home; closed when the process ends.
_HELD: dict[Path, tuple[int, int, Path]] = {}


def api_url(project: Project, named: str | None = None, idle_s: float = IDLE_S) -> str:
    """Return the URL of a Prefect API that answers.

    The one that the user names wins: `named`, or `PREFECT_API_URL`. Otherwise the project's own
    server is found or started; it ends `idle_s` seconds after the last process that asked for it.

    Raises `WorkflowError` if the server that was named does not answer or ours does not start.
    """
    home = project.prefect_home
    url = named or prefect_api_url()
    # A stage that was started by the pipeline is given our own, and must count as a user.
    # It may have been killed since: then another takes its place.
    if url is not None and url != announced(home) and not is_own_server(url):
        _refuse_silent(url)
        return url
    join(home)
    with locked(home / "lock"):
        return _own_server(home, idle_s)


def start_early(project: Project) -> None:
    """Begin to start the server that `api_url` will find, where that is to be the project's own:
    it takes seconds, in which this process can import."""
    home = project.prefect_home
    if prefect_api_url() is None and not _PROFILES.exists() and not is_held(home / "host.lock"):
        join(home)
        with locked(home / "lock"):
            _start(home, IDLE_S)


def is_project_server(project: Project, url: str) -> bool:
    """Return whether `url` is the project's own server, which only this machine's stages use."""
    return url == announced(project.prefect_home)


def _refuse_silent(url: str) -> None:
    if not is_healthy(url) and is_healthy(f"{url.rstrip('/')}/api"):
        raise WorkflowError(
            f"PREFECT_API_URL is {url}, which is the address of Prefect's pages, not of its API",
            f"set PREFECT_API_URL={url.rstrip('/')}/api",
        )
    if not _answers(url):
        raise WorkflowError(
            f"the Prefect server at {url} (PREFECT_API_URL) does not answer",
            "start it (docs/running.md), or unset PREFECT_API_URL (`prefect config unset "
            "PREFECT_API_URL` if it is set there), and the project starts a server of its own",
        )


def _own_server(home: Path, idle_s: float) -> str:
    give_up, starts = time.monotonic() + _START_S, 0
    while time.monotonic() < give_up:
        if not is_held(home / "host.lock"):
            if starts == _MAX_STARTS:
                break
            _start(home, idle_s)
            starts += 1
        url = announced(home)
        if url is not None and is_healthy(url):
            return url
        time.sleep(_LOOK_S)
    raise WorkflowError(
        f"the project's own Prefect server did not start; its log is {home / 'server.log'}",
        "mend what the log says (removing the folder of that log makes a new, empty database), "
        "or start a server yourself with `prefect server start` and set PREFECT_API_URL",
    )


def _start(home: Path, idle_s: float) -> None:
    """Start a host; it is there, or has failed, when this returns."""
    with (home / "server.log").open("wb") as log:
        subprocess.run(
            [sys.executable, "-m", "flows.runtime.prefect_server", str(home), str(idle_s)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False,
        )  # fmt: skip


def is_healthy(url: str) -> bool:
    """Return whether a Prefect API at `url` says that it is up."""
    try:
        with _opener(url).open(f"{url}/health", timeout=_HEALTH_S) as answer:
            return bool(answer.read(8).strip() == b"true")
    except OSError:
        return False


def _answers(url: str) -> bool:
    """Return whether a server that may ask for a key, or have no health page, is there at all."""
    try:
        with _opener(url).open(f"{url}/health", timeout=_HEALTH_S):
            return True
    except urllib.error.HTTPError as error:
        with error:
            return error.code < _SERVER_ERROR
    except (OSError, ValueError):
        return False


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Through the proxy of the environment, but for our own machine."""
    if urlsplit(url).hostname in _LOOPBACK:
        return urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener()


def announced(home: Path) -> str | None:
    """Return the URL in `server.json`, whether or not the server is still there."""
    try:
        return str(json.loads((home / "server.json").read_text())["url"])
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return None


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
    """Return the entries of living processes; those of the others are removed."""
    entries = sorted(home.glob("users/[0-9]*"))
    live = [entry for entry in entries if is_held(entry)]
    for entry in set(entries).difference(live):
        entry.unlink(missing_ok=True)
    return [entry.name for entry in live]


def hold(path: Path) -> int | None:
    """Lock the file and return the descriptor that holds it, or None if somebody else does.

    The lock lasts until the descriptor is closed, by `os.close` or by the end of the process.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_held(path: Path) -> bool:
    """Return whether a living process holds the lock of this file."""
    if not path.exists():
        return False
    descriptor = hold(path)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None


def is_at(descriptor: int, path: Path) -> bool:
    """Return whether the file of a held lock is still the one at `path`, and not removed or
    replaced."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the file; wait for whoever holds it now."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
