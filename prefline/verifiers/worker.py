"""A process of its own for checks that may not end: killed at a deadline, bounded in memory.

Neither SymPy nor a database can be interrupted for certain from within, and a signal reaches the
main thread only. The process is started when it is first needed, serves one call at a time, and is
started anew after one that it did not survive.
"""

from __future__ import annotations

import atexit
import importlib
import os
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson

from prefline.verifiers.verifier import Undecided

_MEMORY = 4 << 30  # bytes of address space
_START_S = 120.0  # for the imports of a function's module, on a busy machine
_SHOWN = 200
_READY = b"ready"


def bounded(function: str, timeout_s: float, /, **arguments: Any) -> Any:
    """Return what `function` ("module:name") returns for arguments of JSON, run in the process.

    The time of importing its module, and of the module's `prepare`, does not count. Raises
    `Undecided` for what does not end in time, takes too much memory, or raises.
    """
    with _lock:
        if _workers and not _workers[0].serves_this_process():
            _workers.pop().forget()
        if not _workers:
            _workers.append(_Worker())
        try:
            return _workers[0].call(function, timeout_s, arguments)
        except BaseException:
            if not _workers[0].is_idle:
                _workers.pop().kill()
            raise


class _Worker:
    """The process, and the pipes to it."""

    def __init__(self) -> None:
        path = os.pathsep.join(part or str(Path.cwd()) for part in sys.path)
        environment = {"PYTHONPATH": path, "PATH": os.environ.get("PATH", "")}  # and no keys
        self._owner = os.getpid()
        self._read = b""
        self.is_idle = True
        self._process = subprocess.Popen(
            [sys.executable, "-m", "prefline.verifiers.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment, start_new_session=True,
        )  # fmt: skip
        atexit.register(self.kill)

    def serves_this_process(self) -> bool:
        """Return whether it is ours, and not that of a process that this one was forked from."""
        return self._owner == os.getpid()

    def call(self, function: str, timeout_s: float, arguments: dict[str, Any]) -> Any:
        """Return the result. Raises `Undecided`."""
        assert self._process.stdin is not None
        self.is_idle = False
        call = {"function": function, "arguments": arguments}
        try:
            self._process.stdin.write(orjson.dumps(call) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise Undecided("the process of this check has ended") from error
        line = self._line(time.monotonic() + _START_S, f"{function} could not be imported in time")
        if line == _READY:
            line = self._line(time.monotonic() + timeout_s, f"takes longer than {timeout_s:g} s")
        reply = orjson.loads(line)
        self.is_idle = True
        if "error" in reply:
            raise Undecided(f"the check failed: {reply['error']}")
        return reply["result"]

    def kill(self) -> None:
        """End it."""
        atexit.unregister(self.kill)
        if self.serves_this_process():
            self._process.kill()
            self._process.communicate()

    def forget(self) -> None:
        """Close this process's ends of the pipes to a process of another."""
        atexit.unregister(self.kill)
        self._process.returncode = 0  # it is not ours to wait for
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _line(self, deadline: float, too_late: str) -> bytes:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._read:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise Undecided(too_late)
                part = os.read(self._process.stdout.fileno(), 1 << 16)
                if not part:
                    raise Undecided("the check ended its process: out of memory, or a crash")
                self._read += part
        line, _, self._read = self._read.partition(b"\n")
        return line


_lock = threading.Lock()
_workers: list[_Worker] = []


def _serve() -> None:
    """Answer calls from standard input: with a line as one begins, and another with its result."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    prepared: set[str] = set()
    for line in sys.stdin.buffer:
        call = orjson.loads(line)
        try:
            module_name, _, name = call["function"].partition(":")
            module = importlib.import_module(module_name)
            if module_name not in prepared:
                module.prepare()
                prepared.add(module_name)
            function = getattr(module, name)
            replies.write(_READY + b"\n")
            reply = {"result": function(**call["arguments"])}
        except Exception as error:  # noqa: BLE001 - SymPy raises anything
            reply = {"error": f"{type(error).__name__}: {error}"[:_SHOWN]}
        replies.write(orjson.dumps(reply) + b"\n")


if __name__ == "__main__":
    _serve()
