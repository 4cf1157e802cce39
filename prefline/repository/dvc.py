"""Running `dvc`, and saying what to do where it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson

from prefline.errors import Interrupted, WorkflowError

_REMEDIES = {
    "repro": "the stage that failed says why above; mend that and run the same command again: "
    "stages that are done stay done, and no reply is paid for twice",
    "push": "check the remote (`dvc remote list`) and that its cache is whole: `dvc repro` makes "
    "missing outputs again without calling a model; or set pipeline.push to false",
    "pull": "check the remote (`dvc remote list`), or set pipeline.pull to false",
    "status": "mend dvc.yaml or dvc.lock as it says; `dvc checkout` brings back what was changed "
    "by hand",
}


def run_dvc(root: Path, *arguments: str) -> None:
    """Run `dvc` with its output shown as it comes.

    An interrupt is passed on, once, to DVC and the stage that it runs, which ends it and says
    how to go on. Raises `Interrupted` then, and `WorkflowError` with a remedy if DVC fails.
    """
    # In a process group of its own: DVC keeps a Ctrl-C that is sent to it alone from its stage.
    child = subprocess.Popen(_command(*arguments), cwd=root, env=environment(), process_group=0)
    interrupted = False
    while True:
        try:
            code = child.wait()
            break
        except KeyboardInterrupt:
            if not interrupted:
                os.killpg(child.pid, signal.SIGINT)
            interrupted = True
    if interrupted:
        raise Interrupted("interrupted", "run the same command again: it goes on where it was")
    if code:
        raise _failed(arguments, f"it ended with {code}")


def changed_stages(root: Path) -> list[str]:
    """The stages that `dvc repro` would run. Raises `WorkflowError` if DVC cannot tell."""
    done = _ask(root, "status", "--json")
    if done.returncode:
        raise _failed(("status",), (done.stderr or done.stdout).strip())
    return sorted(orjson.loads(done.stdout or "{}"))


def has_remote(root: Path) -> bool:
    """Whether a default remote is set."""
    return _ask(root, "config", "core.remote").returncode == 0


def _ask(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments),
        cwd=root, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip


def environment() -> dict[str, str]:
    """This process's environment with its Python's folder first on the path, so that the
    stages' `python` is the one with Prefline in it."""
    folder = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join((folder, os.environ.get("PATH", "")))}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *arguments]


def _failed(arguments: tuple[str, ...], why: str) -> WorkflowError:
    return WorkflowError(f"`dvc {' '.join(arguments)}` failed: {why}", _REMEDIES[arguments[0]])
