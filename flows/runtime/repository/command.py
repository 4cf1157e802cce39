"""Running `dvc` as a command, with what it shows shown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path

_LAST_LINES = 20
_HARDER = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


def show(root: Path, *arguments: str) -> tuple[int, str]:
    """Run `dvc` with its output shown as it comes; its exit code and its last words.

    The last words are empty on a terminal, which DVC and the stages have to themselves for
    their progress bars. An interrupt is passed on to DVC and the stage that it runs, which ends
    it and says how to go on; each further one is passed on harder.
    """
    shown = sys.stderr.isatty()
    child = subprocess.Popen(
        command(*arguments), cwd=root, env=environment(),
        stderr=None if shown else subprocess.PIPE, text=True, errors="replace",
        # A process group of its own, since DVC keeps an interrupt of its own from its stage.
        process_group=0,
    )  # fmt: skip
    try:
        return _end_of(child)
    except BaseException:
        _interrupt(child)
        raise


def ask(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `dvc` answers, not shown."""
    return subprocess.run(
        command(*arguments),
        cwd=root, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip


def environment() -> dict[str, str]:
    """This process's environment with its Python's folder first on the path, so that the
    stages' `python` is the one with Prefline in it."""
    folder = str(Path(sys.executable).parent)
    return os.environ | {"PATH": os.pathsep.join((folder, os.environ.get("PATH", "")))}


def command(*arguments: str) -> list[str]:
    """The command line of this environment's DVC."""
    return [sys.executable, "-m", "dvc", *arguments]


def _end_of(child: subprocess.Popen[str]) -> tuple[int, str]:
    last: deque[str] = deque(maxlen=_LAST_LINES)
    for line in child.stderr or ():
        sys.stderr.write(line)
        sys.stderr.flush()
        last.append(line)
    if child.stderr is not None:
        child.stderr.close()
    return child.wait(), "".join(last)


def _interrupt(child: subprocess.Popen[str]) -> None:
    for number in _HARDER:
        if child.poll() is None:
            os.killpg(child.pid, number)
        try:
            _end_of(child)
        except KeyboardInterrupt:
            continue
        return
