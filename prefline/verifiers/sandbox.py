"""Python source run apart from this machine: bubblewrap's namespaces, and limits.

Inside there is a Python interpreter, `/usr` to read, and 16 MB to write. There is no network, no
file of the project or of any user, no process of others, no variable of ours. Time, memory,
processes and files are limited (setrlimit), and output is read up to a bound. Where bubblewrap
cannot do that, nothing is run: https://github.com/containers/bubblewrap
"""

from __future__ import annotations

import os
import secrets
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import orjson

from prefline.verifiers.verifier import Undecided

_UID = 61_234  # nobody's: its processes are counted apart from those of others
_DISK = 16 << 20
_PROCESSES = 8
_FILES = 64
MOST_OUTPUT = 1 << 20
"""Bytes of a program's output that are read; it is ended where it writes more."""
_MOST_SAID = 1 << 16
_WALL_PER_CPU = 10  # a busy machine may take so much longer, and
_WALL_S = 10.0
_SIGXCPU = 152  # 128 + the signal's number, as bubblewrap passes it on
_KILLED = 137
# Makes processes until it may not: root's, under whatever name, are not limited.
_TRIAL = """
import os, signal
count = 0
try:
    while count < 100:
        if os.fork() == 0:
            signal.pause()
        count += 1
except BlockingIOError:
    pass
"""
_HOLDS = "assert count < 100, 'the number of processes is not limited'"
_RUNNER = Path(__file__).with_name("in_sandbox.py")
_REMEDY = (
    "code is run in a sandbox or not at all: on Linux `apt-get install bubblewrap`; in a container "
    "allow user namespaces (Docker: --security-opt seccomp=unconfined, or --privileged)"
)


@dataclass(frozen=True, slots=True)
class Ran:
    """The end of a run: `passed`, or `failed` and why; and its output."""

    state: Literal["passed", "failed"]
    why: str
    output: bytes


def run_python(
    source: str, *, tests: str | None, stdin: bytes, cpu_s: float, memory_mb: int
) -> Ran:
    """Run `source`, then `tests` in its names if given; else it is a program that reads `stdin`.

    More than `cpu_s` seconds of CPU is a failure. Raises `Undecided` where the sandbox cannot be
    made, or the run does not end although it does not compute.
    """
    token = secrets.token_hex(16)
    cpu = max(1, round(cpu_s))
    memory = memory_mb << 20
    job = {
        "uid": _UID, "token": token, "source": source, "tests": tests,
        "limits": {
            "AS": (memory, memory), "CPU": (cpu, cpu + 1), "FSIZE": (_DISK, _DISK),
            "NPROC": (_PROCESSES, _PROCESSES), "NOFILE": (_FILES, _FILES), "CORE": (0, 0),
        },
    }  # fmt: skip
    wall = cpu * _WALL_PER_CPU + _WALL_S
    ended = _run(orjson.dumps(job), stdin, time.monotonic() + wall)
    if ended.too_long:
        raise Undecided(f"did not end within {wall:.0f} s, though it took less than {cpu} s of CPU")
    reports = [one for one in _lines(ended.report) if one.get("token") == token]
    if not reports:
        said = " ".join(ended.errors.decode("utf-8", "replace").split())[-200:]
        raise Undecided(f"no sandbox could be made: {said or f'exit code {ended.code}'}")
    if ended.too_much:
        return Ran("failed", f"writes more than {MOST_OUTPUT:,} bytes", ended.output)
    last = reports[-1]
    if last["state"] == "passed":
        return Ran("passed", "", ended.output)
    if last["state"] == "failed":
        return Ran("failed", str(last["why"]), ended.output)
    why = {
        _SIGXCPU: f"takes more than {cpu} s of CPU",
        _KILLED: "was killed: out of memory, or of CPU",
    }.get(ended.code, f"ends itself with exit code {ended.code} before its tests do")
    return Ran("failed", why, ended.output)


@lru_cache(maxsize=1)
def what_is_missing() -> tuple[str, str] | None:
    """Return what keeps this machine from running code, and a remedy; None where nothing does.

    Tries it once.
    """
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (there is no `bwrap`)", _REMEDY
    try:
        ran = run_python(_TRIAL, tests=_HOLDS, stdin=b"", cpu_s=5, memory_mb=256)
    except (Undecided, OSError) as error:
        return str(error), _REMEDY
    return None if ran.state == "passed" else (f"a sandbox does not work here: {ran.why}", _REMEDY)


@dataclass(slots=True)
class _Ended:
    """An ended process of bubblewrap."""

    code: int
    output: bytes
    errors: bytes
    report: bytes
    too_long: bool
    too_much: bool


def _run(job: bytes, stdin: bytes, deadline: float) -> _Ended:
    with ExitStack() as stack:
        job_fd = stack.enter_context(_memory_file(job))
        runner_fd = stack.enter_context(_memory_file(_RUNNER.read_bytes()))
        stdin_fd = stack.enter_context(_memory_file(stdin))
        report, report_fd = os.pipe()
        stack.callback(os.close, report)
        with ExitStack() as ours:
            ours.callback(os.close, report_fd)
            command = [*_bwrap(runner_fd), *_python(), "/runner.py", str(job_fd), str(report_fd)]
            process = subprocess.Popen(
                command, stdin=stdin_fd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                pass_fds=(job_fd, runner_fd, report_fd), env={"PATH": os.environ.get("PATH", "")},
            )  # fmt: skip
        with process:
            assert process.stdout is not None
            assert process.stderr is not None
            out, err = process.stdout.fileno(), process.stderr.fileno()
            try:
                read, too_long = _read(
                    {out: MOST_OUTPUT, err: _MOST_SAID, report: _MOST_SAID}, deadline
                )
            except BaseException:
                process.kill()
                raise
            too_much = len(read[out]) > MOST_OUTPUT
            if too_long or too_much:
                process.kill()  # all that is inside ends with it
            code = process.wait()
        return _Ended(code, read[out], read[err], read[report], too_long, too_much)


def _read(limits: dict[int, int], deadline: float) -> tuple[dict[int, bytes], bool]:
    """Read all to their ends, but no more of one than its limit and one read; tell whether time ran
    out before."""
    read = dict.fromkeys(limits, b"")
    with selectors.DefaultSelector() as selector:
        for fd in limits:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(max(0.0, left))
            if left <= 0 and not ready:
                return read, True
            for key, _ in ready:
                part = os.read(key.fd, 1 << 16)
                read[key.fd] += part
                if not part or len(read[key.fd]) > limits[key.fd]:
                    selector.unregister(key.fd)
            if any(len(read[fd]) > limit for fd, limit in limits.items()):
                return read, False
    return read, False


def _bwrap(runner_fd: int) -> list[str]:
    # As root the runner becomes a user of its own: the processes of root are not counted.
    if os.getuid() == 0:
        user = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        who = ("--uid", str(_UID), "--gid", str(_UID))
        user = ["--unshare-user", "--disable-userns", *who, "--cap-drop", "ALL"]
    writable = ["--perms", "1777", "--size", str(_DISK), "--tmpfs"]
    return [
        "bwrap", "--die-with-parent", "--new-session", "--hostname", "sandbox", *user,
        "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        "--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "HOME", "/tmp",  # noqa: S108
        "--setenv", "LANG", "C.UTF-8", "--setenv", "PYTHONHASHSEED", "0",
        *_system_folders(), "--ro-bind", _prefix(), "/python", "--proc", "/proc",
        "--dev", "/dev", *writable, "/dev/shm", "--remount-ro", "/dev",  # noqa: S108
        *writable, "/tmp", "--chdir", "/tmp",  # noqa: S108
        "--ro-bind-data", str(runner_fd), "/runner.py", "--remount-ro", "/",
    ]  # fmt: skip


@lru_cache(maxsize=1)
def _system_folders() -> tuple[str, ...]:
    """Return the options that give a program its libraries: `/usr`, and the names of it."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("/lib", "/lib64", "/bin"):
        path = Path(name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            options += ["--ro-bind", name, name]
    return tuple(options)


def _prefix() -> str:
    """Return the folder of the interpreter that this one's environment was made from."""
    return os.path.realpath(sys.base_prefix)


def _python() -> list[str]:
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [f"/python/bin/{name}", "-I", "-S", "-B"]


@contextmanager
def _memory_file(content: bytes) -> Iterator[int]:
    """Give a file that holds `content`, without a name."""
    fd = os.memfd_create("prefline", 0)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def _lines(content: bytes) -> list[dict[str, Any]]:
    """Return the objects among the lines; a response may have written others between them."""
    found = []
    for line in content.splitlines():
        try:
            one = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(one, dict):
            found.append(one)
    return found
