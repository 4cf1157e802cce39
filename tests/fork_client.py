"""Be a process of `tests.forked`, as far as whoever started this one can tell.

`python -ISs fork_client.py SOCKET ARGUMENTS` is to a program what `python ARGUMENTS` would be, with
this process's outputs, folder and environment, but begins in 20 ms. It passes signals on, and ends
as the forked process ends.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import sys


def main() -> None:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(sys.argv[1])
    request = {"arguments": sys.argv[2:], "cwd": str(os.getcwd()), "env": dict(os.environ)}  # noqa: PTH109
    outputs = array.array("i", [1, 2])
    connection.sendmsg([b"{"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, outputs)])
    connection.sendall(json.dumps(request).encode()[1:] + b"\n")
    numbers = connection.makefile()
    process = int(numbers.readline())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(process, number))
    code = os.waitstatus_to_exitcode(int(numbers.readline()))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
