"""Processes of Python that begin by a fork of one that has imported everything.

`python -m flows.pair` imports for two to three seconds of CPU, Prefect above all, before it does
anything, and a worker of pytest-xdist for twenty; a fork of a process that has imported all that
begins in some milliseconds. It is a process like any other: with a folder, an environment,
arguments and output of its own, to be signalled and killed, with an exit code. The code that it
runs is this repository's, not that of a project's copy, and what a library reads of the environment
when it is imported is the tests'.

The process to fork from is one for all workers, which are forks of it themselves; it ends when the
run of tests ends.
"""

from __future__ import annotations

import array
import functools
import gc
import importlib
import json
import os
import pkgutil
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from flows.runtime.fork_server import Request, end, fork, run

ROOT = Path(__file__).parents[1]
# Every module of these is imported, and what they import.
OWN = ("prefline", "tasks", "flows")
# What they import late, and what tests import.
LIBRARIES = (
    "altair", "boto3", "dvc.cli", "dvc.repo", "dvc_s3", "great_expectations", "grimp",
    "huggingface_hub.hf_api", "hypothesis.extra.numpy", "openai", "pytest", "s3fs",
    "scipy.stats", "sklearn.cluster", "starlette.testclient", "trustme", "typer.testing",
    "vl_convert",
)  # fmt: skip
SOCKET = "PREFLINE_TESTS_FORK_SERVER"
"""The variable that names the process to fork from to the workers of pytest-xdist."""
_START_S = 120.0


@dataclass
class ForkedProcess:
    """A running process, with the part of `subprocess.Popen` that tests use."""

    args: list[str]
    pid: int
    stdout: IO[str]
    stderr: IO[str]
    _connection: _Connection = field(repr=False)
    returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, -N after signal N, or None while the process runs."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when the process has ended.

        Raises `subprocess.TimeoutExpired` if it has not within `timeout` seconds.
        """
        if self.returncode is None:
            try:
                status = self._connection.number(timeout)
            except (BlockingIOError, TimeoutError) as error:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0) from error
            self._connection.socket.close()
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return what is left of both outputs when no process holds them any more."""
        texts = ["", ""]

        def read(number: int, stream: IO[str]) -> None:
            texts[number] = stream.read()
            stream.close()

        threads = [
            threading.Thread(target=read, args=pair, daemon=True)
            for pair in enumerate((self.stdout, self.stderr))
        ]
        until = None if timeout is None else time.monotonic() + timeout
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(None if until is None else max(0.0, until - time.monotonic()))
            if thread.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        self.wait(None if until is None else max(0.1, until - time.monotonic()))
        return texts[0], texts[1]

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


@dataclass
class _Connection:
    """Lines with a number each: the process id, then how the process ended."""

    socket: socket.socket
    received: bytes = b""

    def number(self, timeout: float | None) -> int:
        """Wait for the next line; raises `TimeoutError` or `BlockingIOError`."""
        self.socket.settimeout(timeout)
        while b"\n" not in self.received:
            block = self.socket.recv(64)
            assert block, "the process to fork from has ended"
            self.received += block
        line, _, self.received = self.received.partition(b"\n")
        return int(line)


def start_python(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> ForkedProcess:
    """Start what `python ARGUMENTS` would (`-m MODULE`, `-c CODE` or a file), in a fork."""
    out_read, out_write = os.pipe()
    error_read, error_write = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    connection = _Connection(socket.socket(socket.AF_UNIX))
    try:
        connection.socket.connect(str(_fork_server()))
        request = {"arguments": arguments, "cwd": str(cwd), "env": dict(env or os.environ)}
        descriptors = array.array("i", [nothing, out_write, error_write])
        connection.socket.sendmsg([b"{"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        connection.socket.sendall(json.dumps(request).encode()[1:] + b"\n")
        pid = connection.number(_START_S)
    finally:
        for descriptor in (nothing, out_write, error_write):
            os.close(descriptor)
    return ForkedProcess(
        ["python", *arguments],
        pid,
        os.fdopen(out_read, encoding="utf-8"),
        os.fdopen(error_read, encoding="utf-8"),
        connection,
    )


def run_python(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Like `start_python`, to the end."""
    process = start_python(*arguments, cwd=cwd, env=env)
    out, error = process.communicate()
    assert process.returncode is not None
    return subprocess.CompletedProcess(process.args, process.returncode, out, error)


def command(*arguments: str) -> list[str]:
    """Return the command line that does what `python ARGUMENTS` would, in a fork: for a program
    that is started by what is tested, and not by a test."""
    client = ROOT / "flows" / "runtime" / "fork_client.py"
    return [sys.executable, "-I", "-S", str(client), str(_fork_server()), *arguments]


def fork_server() -> str:
    """Return what `PREFLINE_FORK_SERVER` is to be, so that stages begin by a fork as in a pipeline
    that is run."""
    return str(_fork_server())


@functools.cache
def _fork_server() -> Path:
    """Return the socket of the process to fork from; the first process of the tests starts it."""
    if SOCKET not in os.environ:
        path = Path(tempfile.mkdtemp(prefix="prefline-tests-")) / "fork.sock"
        _start(path, os.getpid())
        os.environ[SOCKET] = str(path)
    return Path(os.environ[SOCKET])


def _start(path: Path, owner: int) -> None:
    log = path.with_name("log")
    # Prefect's settings are made when it is imported.
    environment = {name: os.environ[name] for name in os.environ if name != "PREFECT_API_URL"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(path), str(owner)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True, env=environment,
        )  # fmt: skip
    until = time.monotonic() + _START_S
    while not path.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, "the process to fork from did not start"
        time.sleep(0.05)
    process.returncode = 0  # it outlives this process, which is not to warn of it


def _serve(path: Path, owner: int) -> Request:
    """Fork for every connection; return, in the new process, what it is to run."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    listener = socket.socket(socket.AF_UNIX)
    draft = path.with_suffix(".draft")
    listener.bind(str(draft))
    listener.listen(64)
    listener.settimeout(1.0)
    draft.rename(path)
    while True:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if not _lives(owner):
                shutil.rmtree(path.parent)
                sys.exit()
            continue
        if not os.fork():
            listener.close()
            connection.setblocking(True)
            request = fork(connection, serves=lambda _: True)
            # pytest-xdist asks for unbuffered output, which this module's outputs are not.
            arguments = [word for word in request["arguments"] if word != "-u"]
            return {**request, "arguments": arguments}
        connection.close()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _import_all() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    for own in OWN:
        for module in pkgutil.walk_packages(importlib.import_module(own).__path__, f"{own}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


if __name__ == "__main__":
    _import_all()
    # What is there now is not looked at again, nor copied by that.
    gc.collect()
    gc.freeze()
    request = _serve(Path(sys.argv[1]), int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end(lambda: run(request))
