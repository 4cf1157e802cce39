from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.forked import ROOT, command

# A stage that tells whether it was begun by a fork.
STAGE = """
import psutil, sys
from prefline.config.environment import run_name
if __name__ == "__main__":
    with open("runs", "a") as runs:
        runs.write(f"{{run_name()}}\\n")
    print("{word}", any("fork_server" in word for word in psutil.Process().parent().cmdline()))
    sys.exit({code})
"""
PIPELINE = """
import pathlib, subprocess, sys
{start}
for number in range(3):
    done = subprocess.run([sys.executable, "-m", "flows.first"], capture_output=True, text=True)
    print(done.stdout.strip(), done.returncode, done.stderr)
    stage = pathlib.Path("flows/first.py")
    if number == 1:
        stage.write_text(stage.read_text().replace("as it was", "changed"))
"""
START = """
from flows.runtime.fork_server import start_fork_server
start_fork_server("flows.first", late=())
"""


@pytest.mark.parametrize("by_hand", [False, True])
def test_stages_are_forked_until_their_code_is_changed_and_then_run_as_it_is_now(
    tmp_path: Path, by_hand: bool
) -> None:
    shutil.copytree(ROOT / "flows/runtime", tmp_path / "flows/runtime")
    shutil.copytree(ROOT / "prefline", tmp_path / "prefline")
    shutil.copy(ROOT / "flows/__init__.py", tmp_path / "flows")
    (tmp_path / "flows/first.py").write_text(STAGE.format(word="as it was", code=3))
    (tmp_path / "flows/shard.py").touch()
    (tmp_path / "dvc.yaml").write_text("stages: {first: {cmd: python -m flows.first}}")
    (tmp_path / "main.py").write_text(PIPELINE.format(start=START))
    (tmp_path / "dvc").write_text(PIPELINE.format(start=""))
    environment = {"TMPDIR": str(tmp_path)} | ({"DVC_STAGE": "first"} if by_hand else {})
    done = subprocess.run(
        [sys.executable, *(["dvc"] if by_hand else ["-m", "main"])],
        cwd=tmp_path, capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip

    # Of a `dvc` that is run by hand the changed stage starts a new server.
    expected = ["as it was True 3", "as it was True 3", f"changed {by_hand} 3"]
    assert [line.strip() for line in done.stdout.splitlines()] == expected
    # The spend of all stages of one `dvc` is counted together.
    (run,) = set((tmp_path / "runs").read_text().split())
    assert (run != "None") == by_hand
    until = time.monotonic() + 60  # it may be importing
    while left := [*tmp_path.glob("prefline-*"), *tmp_path.glob(".prefline/forks/*")]:
        assert time.monotonic() < until, left
        time.sleep(0.05)


@pytest.fixture
def sleeper(tmp_path: Path) -> subprocess.Popen[str]:
    """A client whose fork, and a child of that, sleep."""
    code = (
        "import os, subprocess, time; child = subprocess.Popen(['sleep', '60']); "
        "print(os.getpid(), child.pid, flush=True); time.sleep(60)"
    )
    return subprocess.Popen(
        command("-c", code),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_client_that_is_told_to_end_ends_its_fork(
    sleeper: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert sleeper.stdout is not None
    fork, child = map(psutil.Process, map(int, sleeper.stdout.readline().split()))
    sleeper.send_signal(number)

    assert sleeper.wait(10) == -number
    until = time.monotonic() + 10
    while fork.is_running() and time.monotonic() < until:
        time.sleep(0.01)
    assert not fork.is_running()
    if number == signal.SIGKILL:  # as when DVC's whole process group is killed
        psutil.wait_procs([child], 10)
        assert not child.is_running()
    else:
        child.kill()
    sleeper.stdout.close()
