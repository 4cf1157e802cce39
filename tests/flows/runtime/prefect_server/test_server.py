"""The life of the project's own server, with a stand-in for Prefect that starts in no time."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.runtime.prefect_server import (
    __main__,
    api_url,
    find,
    is_project_server,
    leave,
    start_early,
)
from flows.runtime.prefect_server.__main__ import host
from flows.runtime.prefect_server.find import announced, hold, is_healthy, is_held, join, live_users
from prefline.config.environment import name_prefect_server
from prefline.errors import WorkflowError
from prefline.project import Project

FAKE = Path(__file__).parent / "fake"

USER = """
import sys, pathlib
from flows.runtime.prefect_server import api_url
from prefline.project import Project
print(api_url(Project(pathlib.Path(sys.argv[1])), idle_s=float(sys.argv[2])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project with the stand-in for Prefect; its server is ended after the test."""
    monkeypatch.setenv("PYTHONPATH", str(FAKE))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr("flows.runtime.prefect_server.__main__._LOOK_S", 0.05)
    project = Project(tmp_path)
    yield project
    leave(project.prefect_home)
    (project.prefect_home / "host.lock").unlink(missing_ok=True)


class User:
    """Another process that uses the server until it is told to end."""

    def __init__(self, project: Project, idle_s: float = 60.0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(project.root), str(idle_s)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def url(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait until it is true."""
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.05)


def server_pid(project: Project) -> int:
    return int(json.loads((project.prefect_home / "server.json").read_text())["pid"])


def host_pid(project: Project) -> int:
    return int(Path(f"/proc/{server_pid(project)}/stat").read_text().rsplit(")", 1)[1].split()[1])


def test_two_that_ask_at_once_are_given_one_server(project: Project) -> None:
    users = [User(project), User(project)]
    urls = [user.url() for user in users]

    assert urls[0] == urls[1] == api_url(project)
    assert is_healthy(urls[0])
    assert len(live_users(project.prefect_home)) == 3
    for user in users:
        user.end()


def test_the_server_ends_when_it_has_had_no_user_for_a_while(project: Project) -> None:
    user = User(project, idle_s=0.3)
    url = user.url()
    pid = server_pid(project)
    user.kill()

    until(lambda: not is_healthy(url))
    assert not (project.prefect_home / "server.json").exists()
    until(lambda: not Path(f"/proc/{pid}").exists())
    until(lambda: not is_held(project.prefect_home / "host.lock"))


def test_the_server_stays_for_as_long_as_somebody_uses_it(project: Project) -> None:
    url = api_url(project, idle_s=0.1)
    time.sleep(2.5)

    assert is_healthy(url)


def test_what_a_machine_that_went_down_leaves_behind_is_replaced(project: Project) -> None:
    home = project.prefect_home
    (home / "users").mkdir(parents=True)
    (home / "host.lock").touch()
    # The ids are this process's: ids alone prove nothing after a restart of the machine.
    (home / "server.json").write_text(json.dumps({"pid": os.getpid(), "url": "http://127.0.0.1:9"}))
    (home / "users" / f"{os.getpid()}-1").touch()

    url = api_url(project)

    assert url != "http://127.0.0.1:9"
    assert is_healthy(url)
    assert len(live_users(home)) == 1


def test_the_one_that_was_begun_early_is_found_and_none_is_where_the_user_names_another(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    start_early(project)
    assert not project.prefect_home.exists()

    monkeypatch.delenv("PREFECT_API_URL")
    start_early(project)
    monkeypatch.setattr(find, "_MAX_STARTS", 0)
    assert is_healthy(api_url(project))


def test_a_torn_server_json_is_replaced(project: Project) -> None:
    project.prefect_home.mkdir(parents=True)
    (project.prefect_home / "server.json").write_text('{"ur')

    assert is_healthy(api_url(project))


def test_a_server_that_is_killed_comes_back_for_its_users(project: Project) -> None:
    api_url(project)
    pid = server_pid(project)
    os.kill(pid, signal.SIGKILL)

    until(lambda: server_pid(project) != pid)
    assert is_healthy(api_url(project))


def test_no_server_outlives_a_host_that_is_killed_and_the_next_stage_starts_another(
    project: Project,
) -> None:
    url = api_url(project)
    pid = server_pid(project)
    os.kill(host_pid(project), signal.SIGKILL)

    until(lambda: not is_healthy(url))
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert is_healthy(api_url(project))


def test_the_server_ends_when_its_home_is_removed(project: Project) -> None:
    url = api_url(project)
    (project.prefect_home / "host.lock").unlink()

    until(lambda: not is_healthy(url))


def test_a_stage_killed_while_it_starts_the_server_is_in_nobody_s_way(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_PREFECT_SLOWLY", "1")
    user = User(project)
    until((project.prefect_home / "server.json").exists)
    user.kill()

    assert is_healthy(api_url(project))


def test_a_port_that_is_taken_meanwhile_is_given_up_for_another(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = project.prefect_home
    join(home)
    free = __main__.free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ports = iter([taken.getsockname()[1], free])
        monkeypatch.setattr("flows.runtime.prefect_server.__main__.free_port", lambda: next(ports))
        held = hold(home / "host.lock")
        assert held is not None
        monkeypatch.setattr("flows.runtime.prefect_server.__main__._watch", watch_until_healthy)
        host(home, 60.0, held)
        os.close(held)

    assert next(ports, None) is None


def watch_until_healthy(
    home: Path, process: subprocess.Popen[bytes], idle_s: float, held: int
) -> bool:
    """In place of the host's own wait: the server has died (True) or is up (False)."""
    url = announced(home)
    assert url is not None
    until(lambda: process.poll() is not None or is_healthy(url))
    return process.poll() is not None


def test_a_server_that_does_not_start_is_an_error_that_names_its_log(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_PREFECT_BREAKS", "1")

    with pytest.raises(WorkflowError, match=r"server\.log"):
        api_url(project)
    assert "the database is broken" in (project.prefect_home / "server.log").read_text()


def test_a_server_that_the_user_names_wins_and_must_answer(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")

    with pytest.raises(WorkflowError, match="unset PREFECT_API_URL"):
        api_url(project)
    assert not project.prefect_home.exists()


def test_a_server_that_answers_is_taken_as_it_is_named(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = api_url(project)
    other = Project(tmp_path / "other")
    monkeypatch.setenv("PREFECT_API_URL", url)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    assert api_url(other) == url
    assert not is_project_server(other, url)
    assert not other.prefect_home.exists()


def test_an_own_server_that_is_killed_is_replaced_and_nobody_told_to_unset_its_address(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = api_url(project)
    for variable in ("PREFECT_API_URL", "PREFLINE_OWN_PREFECT_SERVER"):
        monkeypatch.setenv(variable, "")
    name_prefect_server(named, own=True)
    os.kill(host_pid(project), signal.SIGKILL)
    until(lambda: not is_healthy(named))
    (project.prefect_home / "server.json").unlink()

    assert is_project_server(project, api_url(project))


def test_the_address_of_the_pages_is_told_from_that_of_the_api(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = "http://127.0.0.1:4200"
    monkeypatch.setenv("PREFECT_API_URL", f"{pages}/")
    monkeypatch.setattr(find, "is_healthy", lambda url: url == f"{pages}/api")

    with pytest.raises(WorkflowError, match=re.escape(f"set PREFECT_API_URL={pages}/api")):
        api_url(project)


def test_a_stage_of_the_pipeline_counts_as_a_user_of_the_own_server(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", api_url(project))
    user = User(project)

    assert is_project_server(project, user.url())
    assert len(live_users(project.prefect_home)) == 2
    user.end()


def test_the_settings_of_another_server_are_kept_from_the_own_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql://team/prefect")
    api_url(project)

    environment = Path(f"/proc/{server_pid(project)}/environ").read_text()
    assert "postgresql" not in environment
    assert "PREFECT_SERVER_ANALYTICS_ENABLED=false" in environment
