"""A process that has imported what stages import, and forks one of itself for each stage.

`dvc repro` runs `python -m flows.<stage>`, and each of these imports for three seconds of CPU
before it does anything. They become clients of this process (`fork_client.py`): the work is done
by a fork, a process like any other, with the folder, environment, arguments and streams of its
client, to be signalled and killed, with an exit code. So does the pipeline itself. What a library
reads of the environment when it is imported is that of whoever started this process. Where code was
changed since it was imported here nothing is forked: the client does the work itself, as it does
where this process has ended.
"""

from __future__ import annotations

import array
import atexit
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import yaml

from flows.runtime.fork_client import FORK_SERVER, NOTES, SIGNALS
from prefline.atomic import atomic_write
from prefline.llm.runs import dvc_above

_ROOT = Path(__file__).parents[2]
# What stages import late, imported here while none asks for a fork.
LATE = ("tasks.validate.expectations", "sklearn.linear_model", "scipy.optimize", "duckdb")
_NOTES = _ROOT / NOTES
_OWN = tuple(str(_ROOT / name) + os.sep for name in ("flows", "prefline", "tasks"))
_REQUEST_S = 10.0

Request = Mapping[str, Any]
"""`arguments`, `cwd` and `env` of the process that is asked for."""


def start_fork_server(first: str, *, late: Sequence[str] = LATE) -> None:
    """Start a fork server for this process and those that it starts, unless there is one; with
    `first`, the module that is to be forked at once, imported before all others.

    It ends with the `dvc` that this process is a stage of, or else with this process, however that
    ends. None but on Linux: macOS's libraries do not bear a fork.
    """
    if FORK_SERVER in os.environ or sys.platform != "linux":
        return
    path = Path(tempfile.mkdtemp(prefix="prefline-")) / "fork.sock"
    dvc = dvc_above()
    with socket.socket(socket.AF_UNIX) as listener:
        # Here, so that clients can wait for it from now on.
        listener.bind(str(path))
        listener.listen()
        number = listener.fileno()
        server = subprocess.Popen(
            [sys.executable, "-m", "flows.runtime.fork_server", str(number), first, *late],
            # Its other end closes when the owner ends, however that ends. Whoever waits for the
            # end of what this process says is not to wait for the server's.
            stdin=os.pidfd_open(dvc) if dvc else subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=_ROOT, pass_fds=[number],
            process_group=0,  # a Ctrl-C at the terminal is not for it
        )  # fmt: skip
    os.environ[FORK_SERVER] = str(path)
    if dvc:
        server.returncode = 0  # it outlives this process, which is not to warn of it
        with atomic_write(_NOTES / str(dvc)) as file:
            file.write(str(path).encode())
    else:
        atexit.register(server.communicate)


def serve(listener: socket.socket, names: Sequence[str], late: Sequence[str]) -> Request:
    """Fork for each client that is to run one of the modules of `names`, until standard input ends;
    return, in a fork, what it is to run. The first of `names` is imported before that, the others
    and `late` while no client waits."""
    started = time.time_ns()
    to_import, known = [*names, *late], dict[str, tuple[int, int]]()
    gc.disable()  # what is imported stays
    while True:
        while to_import and (not known or _is_idle(listener)):
            importlib.import_module(to_import.pop(0))
            known = _own_files()
        if not _has_client(listener):
            break
        connection, _ = listener.accept()
        _reap(os.WNOHANG)
        if _own_files() != known or any(changed_ns >= started for changed_ns, _ in known.values()):
            connection.close()
            continue
        gc.freeze()
        if not os.fork():
            listener.close()
            gc.enable()
            return fork(
                connection,
                serves=lambda asked: _is_module(asked, names) and asked["cwd"] == str(_ROOT),
            )
        connection.close()
    path = Path(listener.getsockname())
    for note in _NOTES.glob("*"):
        if note.read_text(encoding="utf-8") == str(path):
            note.unlink()
    shutil.rmtree(path.parent)
    listener.close()
    _reap(0)
    os._exit(0)


def modules_of_stages() -> list[str]:
    """Return the modules that are run as `python -m MODULE` where DVC runs the pipeline."""
    stages = yaml.safe_load((_ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return [f"flows.{stage}" for stage in (*stages, "shard")]


def _is_module(request: Request, names: Sequence[str]) -> bool:
    arguments = request["arguments"]
    return arguments[0] == "-m" and arguments[1] in names


def _has_client(listener: socket.socket) -> bool:
    """Wait for a client (True), or for the end of standard input (False)."""
    return listener.fileno() in select.select([0, listener.fileno()], [], [])[0]


def _is_idle(listener: socket.socket) -> bool:
    """Return whether there is neither a client nor the end of standard input."""
    return not select.select([0, listener.fileno()], [], [], 0.0)[0]


def _reap(options: int) -> None:
    """Take note of the ends of the processes that wait for forks."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, options)[0]:
            pass


def fork(connection: socket.socket, *, serves: Callable[[Request], bool]) -> Request:
    """Fork once more, and return in the new process what it is to run.

    The process between the two tells the client how the new one ends, and kills its process group
    if the client was killed. It never returns.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection.settimeout(_REQUEST_S)
    data, ancillary, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(3 * 4))
    descriptors = array.array("i")
    for _, _, block in ancillary:
        descriptors.frombytes(block)
    while data and not data.endswith(b"\n"):
        data += connection.recv(1 << 16)
    connection.settimeout(None)
    request: Request = json.loads(data)
    if not serves(request):
        os._exit(0)
    # One that comes before the new process is set up waits until it is.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    process = os.fork()
    if not process:
        connection.close()
        os.setpgid(0, 0)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        for descriptor in descriptors:
            os.close(descriptor)
        return request
    for descriptor in (0, 1, 2, *descriptors):
        os.close(descriptor)
    try:
        _wait(process, connection)
    finally:
        os._exit(0)


def _wait(process: int, connection: socket.socket) -> None:
    """Tell the client how the process ends; kill it if the client ends before."""
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, _nothing)
    connection.sendall(b"%d\n" % process)
    while True:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            connection.sendall(b"%d\n" % status)
            return
        readable = select.select([ended, connection.fileno()], [], [])[0]
        if connection.fileno() in readable:
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
            return
        os.read(ended, 64)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Be a handler, so that the signal wakes the process up."""


def run(request: Request) -> None:
    """Be the process that was asked for."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    arguments = list(request["arguments"])
    if arguments[0] == "-m":
        sys.path[0] = request["cwd"]
        sys.argv = arguments[1:]
        if not hasattr(sys.modules.get(arguments[1]), "__path__"):  # of a package `__main__` is run
            sys.modules.pop(arguments[1], None)  # it is to be run, not to be found
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        exec(arguments[1], {"__name__": "__main__"})  # noqa: S102
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


def end(work: Callable[[], None]) -> NoReturn:
    """Do the work and end as the interpreter would, but for tearing down what it has imported."""
    code: object = 0
    try:
        work()
    except SystemExit as ended:
        code = ended.code
        if code is not None and not isinstance(code, int):
            sys.stderr.write(f"{code}\n")
            code = 1
    except BaseException as error:  # noqa: BLE001 - it is the whole program's
        sys.excepthook(type(error), error, error.__traceback__)
        code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()  # type: ignore[attr-defined]  # as when an interpreter ends
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(int(code or 0))  # type: ignore[call-overload]  # an int by now


def _own_files() -> dict[str, tuple[int, int]]:
    """Return the files of this project's modules that are imported, with what changes when they
    do: DVC records the code that it finds when a stage begins, so no other may run."""
    changes = {}
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if path is not None and path.startswith(_OWN):
            stat = os.stat(path) if os.path.exists(path) else None  # noqa: PTH110, PTH116 - hundreds
            changes[path] = (stat.st_ctime_ns, stat.st_ino) if stat else (0, 0)
    return changes


def main(number: str, first: str, *late: str) -> None:
    """Serve, and in each fork run a module."""
    names = dict.fromkeys([first, *modules_of_stages()])
    request = serve(socket.socket(fileno=int(number)), list(names), late)
    end(lambda: run(request))


if __name__ == "__main__":
    main(*sys.argv[1:])
