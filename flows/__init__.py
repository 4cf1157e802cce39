"""The wiring: one file is one flow is one DVC stage."""

import importlib.util
import os
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PYTHON = _ROOT / ".venv" / "bin" / "python"

_is_stage = sys.argv[:1] == ["-m"] and sys.orig_argv[1] == "-m" and sys.orig_argv[2].count(".") == 1
_may_fork = _is_stage and sys.platform == "linux"

if _may_fork:
    # Where there is a process that has imported everything, a fork of that is the stage.
    from flows.runtime.fork_client import name_run_of_dvc, named_server, run_forked
    from prefline.llm.runs import dvc_above

    name_run_of_dvc()
    if _socket := named_server(str(_ROOT)):
        run_forked(_socket, sys.orig_argv[1:])

if importlib.util.find_spec("prefect") is None:
    # `dvc repro` runs `python`, which is another one where the environment is not active.
    if not _PYTHON.exists() or Path(sys.executable) == _PYTHON:
        sys.exit("error: Prefect is not installed\n  remedy: run `make setup`")
    os.execv(_PYTHON, [str(_PYTHON), *sys.orig_argv[1:]])  # noqa: S606

from prefline.config.environment import apply_defaults  # noqa: E402

# Before Prefect is imported, which reads its settings then.
apply_defaults()

if _may_fork and dvc_above():
    # The first stage of a `dvc repro` by hand.
    from flows.runtime.fork_server import start_fork_server

    start_fork_server(sys.orig_argv[2])
    if _socket := named_server(str(_ROOT)):
        run_forked(_socket, sys.orig_argv[1:])
