from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from prefline.errors import WorkflowError
from prefline.prefect_server import api_url
from prefline.prefect_server.find import is_healthy
from prefline.prefect_server.users import live_users, register
from prefline.project import Project

ASK = """
import sys, pathlib
from prefline.prefect_server import api_url
from prefline.project import Project
print(api_url(Project(pathlib.Path(sys.argv[1])), idle_s=float(sys.argv[2])))
"""


def ask(root: Path, idle_s: float) -> str:
    """What another process is given; it ends at once."""
    command = [sys.executable, "-c", ASK, str(root), str(idle_s)]
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.strip()


def test_a_server_that_the_user_names_wins_and_must_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")

    with pytest.raises(WorkflowError, match="unset PREFECT_API_URL"):
        api_url(Project(tmp_path))


def test_users_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    register(tmp_path, child.pid)
    register(tmp_path, os.getpid())

    assert live_users(tmp_path) == [os.getpid()]


@pytest.mark.timeout(240)
def test_two_who_ask_at_once_share_one_server_which_ends_when_nobody_uses_it(
    tmp_path: Path,
) -> None:
    home = Project(tmp_path).prefect_home
    home.mkdir(parents=True)
    # What a machine that went down leaves behind.
    (home / "server.json").write_text(json.dumps({"pid": 2**22 - 1, "url": "http://127.0.0.1:9"}))
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: ask(tmp_path, 3.0), range(2))
    said = json.loads((home / "server.json").read_text())

    assert one == other == said["url"]
    assert is_healthy(one)
    give_up = time.monotonic() + 60
    while (home / "server.json").exists() and time.monotonic() < give_up:
        time.sleep(0.2)
    assert not is_healthy(one)
