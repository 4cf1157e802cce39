"""What a command costs: wall time, CPU time and memory of it and all that it starts.

CPU time is counted twice and the larger count taken: by the kernel, which adds up the
processes that were waited for, and by samples of /proc, which see the others too but miss
what a process uses after its last sample. Memory is the sum of the resident sets, so pages
that processes share count once in each. Linux only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_INTERVAL_S = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took; `status` is its exit status, -9 where it was killed for its time."""

    status: int
    wall_s: float
    cpu_s: float
    peak_mb: float


def measure(
    argv: Sequence[str | Path], log: Path, env: Mapping[str, str], limit_s: float = 600.0
) -> Cost:
    """Run `argv` in a session of its own, its output to `log`, and say what it cost.

    What is left of the session when the command ends, or at `limit_s`, is killed.
    """
    with log.open("wb") as file:
        start = time.perf_counter()
        process = subprocess.Popen(
            argv, stdout=file, stderr=subprocess.STDOUT, env=env, start_new_session=True
        )
        samples = _Samples(process.pid, limit_s)
        with samples:
            _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    _kill(process.pid)
    cpu_s = max(usage.ru_utime + usage.ru_stime, samples.cpu_s)
    return Cost(process.returncode, wall_s, cpu_s, samples.peak_bytes / _MIB)


@dataclass(frozen=True, slots=True)
class _Process:
    """One line of /proc: `ticks` of CPU time so far, without its children's."""

    key: tuple[int, int]  # process id and start time: ids are used again
    parent: int
    session: int
    ticks: int
    resident: int


@dataclass
class _Samples:
    """Looks at the processes of a session, and at their children, every 50 ms."""

    root: int
    limit_s: float
    peak_bytes: int = 0
    _ticks: dict[tuple[int, int], int] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def cpu_s(self) -> float:
        """CPU time of all processes seen, each as it last was."""
        return sum(self._ticks.values()) / _TICKS

    def _watch(self) -> None:
        deadline = time.monotonic() + self.limit_s
        while not self._ended.wait(_INTERVAL_S):
            family = _family(self.root)
            self._ticks.update((process.key, process.ticks) for process in family)
            resident = sum(process.resident for process in family)
            self.peak_bytes = max(self.peak_bytes, resident)
            if time.monotonic() > deadline:
                _kill(self.root)


def _family(root: int) -> list[_Process]:
    """The processes of the session `root`, and the children of any of them."""
    everyone = _processes()
    members = {process.key[0] for process in everyone if process.session == root}
    grown = True
    while grown:
        more = {process.key[0] for process in everyone if process.parent in members} - members
        members |= more
        grown = bool(more)
    return [process for process in everyone if process.key[0] in members]


def _processes() -> list[_Process]:
    found = [_read(entry.name) for entry in os.scandir("/proc") if entry.name.isdecimal()]
    return [process for process in found if process is not None]


def _read(pid: str) -> _Process | None:
    """One process as `man 5 proc_pid_stat` has it; None if it has gone."""
    try:
        stat = Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the command in brackets, and may hold brackets and spaces.
    fields = stat.rpartition(")")[2].split()
    parent, session = int(fields[1]), int(fields[3])
    ticks = int(fields[11]) + int(fields[12])
    return _Process((int(pid), int(fields[19])), parent, session, ticks, int(fields[21]) * _PAGE)


def _kill(session: int) -> None:
    """Kill what is left of a session's first process group."""
    try:
        os.killpg(session, signal.SIGKILL)
    except ProcessLookupError:
        return
