"""Run a module until standard input ends: `python tied.py prefect server start ...`.

The host holds the other end of that pipe, and the kernel closes it however the host ends, so
that no server outlives its host.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

_STOP_S = 10.0


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_STOP_S)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
