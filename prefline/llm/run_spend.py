"""What a run has spent so far, over the processes of all its stages."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

_KEPT_S = 7 * 24 * 3_600


class RunSpend:
    """A small file per run to which each stage adds what it has spent, when it ends.

    Stages of one run follow each other, so nothing is lost by adding at the end; a stage that
    was killed ends its run, and the next run counts from zero.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self._path = folder / run

    def total_usd(self) -> float:
        """What the run's earlier stages have spent, in USD."""
        try:
            return sum(float(line) for line in self._path.read_text("ascii").split())
        except FileNotFoundError:
            return 0.0

    def add(self, usd: float) -> None:
        """Add what a stage has spent, in USD, and forget the runs of weeks ago."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="ascii") as file:
            file.write(f"{usd!r}\n")
        for path in self._path.parent.iterdir():
            if path.stat().st_mtime < time.time() - _KEPT_S:
                path.unlink(missing_ok=True)


def run_of_this_process() -> str:
    """The run that this process is part of: that of the `dvc` that started it, or its own."""
    me = psutil.Process(os.getpid())
    starter = next((one for one in me.parents() if _is_dvc(one)), me)
    return f"{starter.pid}-{starter.create_time():.2f}"


def _is_dvc(process: psutil.Process) -> bool:
    try:
        return any(Path(word).name == "dvc" for word in process.cmdline()[:3])
    except psutil.Error:  # gone meanwhile, or somebody else's
        return False
