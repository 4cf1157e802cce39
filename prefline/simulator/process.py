"""Start a simulated server in a process of its own, for tests and benchmarks."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from prefline import errors
from prefline.simulator.config import SimulatorConfig
from prefline.simulator.journal import LogEntry, Stats

_STOP_S = 5.0
_READ_S = 30.0


@dataclass(frozen=True, slots=True)
class SimulatedServer:
    """A running server; `base_url` ends in `/v1`."""

    base_url: str
    models: tuple[str, ...]
    pid: int

    def log(self) -> list[LogEntry]:
        """Return the requests so far, oldest first (the latest `log_entries` of them)."""
        lines = self._get("/log").splitlines()
        return [LogEntry(**orjson.loads(line)) for line in lines]

    def stats(self) -> Stats:
        """Return counts of all requests so far."""
        return Stats(**orjson.loads(self._get("/stats")))

    def _get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self.base_url).netloc, timeout=_READ_S)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def simulated_server(config: SimulatorConfig | None = None) -> Iterator[SimulatedServer]:
    """Start a server as `config` says (the default one if None), and stop it at the end.

    It accepts connections when the block begins. It ends with this process, however that
    ends. Raises `PortTaken` or `ParamsError` as `serve.serve` does.
    """
    process = _start(config or SimulatorConfig())
    try:
        yield _await_start(process)
    finally:
        _stop(process)


def _start(config: SimulatorConfig) -> subprocess.Popen[bytes]:
    # The config goes through standard input, not the arguments: those show the key to all.
    # The pipe stays open: its end tells the child that this process is gone.
    process = subprocess.Popen(
        [sys.executable, "-m", "prefline.simulator.serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(config.model_dump_json().encode() + b"\n")
    process.stdin.flush()
    return process


def _await_start(process: subprocess.Popen[bytes]) -> SimulatedServer:
    assert process.stdout is not None
    line = process.stdout.readline()
    message: dict[str, Any] = orjson.loads(line) if line else {}
    if "base_url" in message:
        return SimulatedServer(message["base_url"], tuple(message["models"]), process.pid)
    kind = getattr(errors, message.get("error", ""), errors.WorkflowError)
    problem = message.get("problem", "the simulated server ended before it accepted connections")
    raise kind(problem, message.get("remedy", "see its message on standard error"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
