"""The command that uses the answers, run for a person who presses a button: `dvc repro pair`."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from prefline.project import Project
from prefline.review.rendering import shown

COMMAND = (sys.executable, "-m", "dvc", "repro", "pair")
_SHOWN_BYTES = 4_000
_SHOWN_LINES = 12


@dataclass(frozen=True, slots=True)
class ReproState:
    """The state of the command: running or not, the last run's exit code and last lines."""

    running: bool
    ended: int | None
    lines: str


class Repro:
    """Runs the command once at a time; what it says goes to a file. DVC itself refuses to run
    where another one does."""

    def __init__(self, project: Project, command: tuple[str, ...] = COMMAND) -> None:
        self._root = project.root
        self._command = command
        self._log = project.replies.parent / "review-repro.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the command, unless it runs."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    self._command, cwd=self._root, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip

    def state(self) -> ReproState:
        """Return how far the command is."""
        with self._lock:
            if self._process is None:
                return ReproState(running=False, ended=None, lines="")
            ended = self._process.poll()
            return ReproState(ended is None, ended, _last_lines(self._log))


def _last_lines(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(file.tell() - _SHOWN_BYTES, 0))
        text = file.read().decode("utf-8", "replace")
    return shown("\n".join(text.replace("\r", "\n").splitlines()[-_SHOWN_LINES:]))
