"""Be a process of a fork server, as far as whoever started this one can tell.

`python -m flows.pair` imports for three seconds of CPU, Prefect above all, before it does anything;
a fork of a process that has imported all that (`flows/runtime/fork_server.py`) begins in some
milliseconds. This process passes signals on to the fork, and ends as it ends. The pipeline has one
such server for all that it runs, and so has each `dvc repro` that is run by hand: its first stage
starts it. Imports no more of the standard library than is needed, and what does the same.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

FORK_SERVER = "PREFLINE_FORK_SERVER"
"""The variable that names the socket of a fork server."""
NOTES = ".prefline/forks"
"""The folder of files that are named by the process id of a `dvc`, each with the socket of the fork
server of its stages."""
RUN = "PREFLINE_RUN"  # as `prefline.config.environment` has it, whose package is no light import
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def name_run_of_dvc() -> None:
    """Name the `dvc` above as the run whose spend is counted together, unless one is named: it is
    no parent of a fork, so that a fork would count for itself."""
    from prefline.llm.runs import (
        dvc_above,
        lasting_name,
    )  # not there where this is run by its path

    if RUN not in os.environ and (dvc := dvc_above()):
        os.environ[RUN] = lasting_name(dvc)


def named_server(root: str) -> str | None:
    """Return the socket of the fork server that this process is to be a client of, if any."""
    from prefline.llm.runs import dvc_above

    if path := os.environ.get(FORK_SERVER):
        return path
    dvc = dvc_above()
    if not dvc:
        return None
    try:
        with open(f"{root}/{NOTES}/{dvc}", encoding="utf-8") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return None


def run_forked(path: str, arguments: Sequence[str]) -> None:
    """Do what `python ARGUMENTS` would, in a fork of the server at `path`, and end as it ends.

    Returns where there is no such server any more, or it refuses: then nothing has been done.
    """
    connection = socket.socket(socket.AF_UNIX)
    os.environ[FORK_SERVER] = path  # for what the fork starts
    # What is told to stop before the fork is there tells it so as soon as it is.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        connection.connect(path)
        _send(connection, arguments)
        answers = connection.makefile()
        process = int(answers.readline() or 0)
    except OSError:
        process = 0
    if process:
        _end_like(process, answers)
    connection.close()
    os.environ.pop(FORK_SERVER)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _send(connection: socket.socket, arguments: Sequence[str]) -> None:
    # A module that is named by `-m` is looked for in the working directory.
    request = {"arguments": arguments, "cwd": str(os.getcwd()), "env": dict(os.environ)}  # noqa: PTH109
    streams = array.array("i", [0, 1, 2])
    connection.sendmsg([b"{"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
    connection.sendall(json.dumps(request).encode()[1:] + b"\n")


def _end_like(process: int, answers: TextIO) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: _pass_on(process, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    line = answers.readline()
    # Without a word the process that waits for the fork was killed, and nobody knows how it ends.
    code = os.waitstatus_to_exitcode(int(line)) if line else 1
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _pass_on(process: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it has ended, and how is about to be told
        os.kill(process, number)


if __name__ == "__main__":
    run_forked(sys.argv[1], sys.argv[2:])
    sys.exit("error: the process to fork from has ended")
