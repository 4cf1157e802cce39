"""The wiring: one file is one flow is one DVC stage."""

import importlib.util
import os
import sys
from pathlib import Path

_PYTHON = Path(__file__).parents[1] / ".venv" / "bin" / "python"

_is_stage = sys.argv[:1] == ["-m"] and sys.orig_argv[1] == "-m" and sys.orig_argv[2].count(".") == 1

if _is_stage and (_socket := os.environ.get("PREFLINE_FORK_SERVER")):
    # A stage that the pipeline runs: begun by a fork of a process that has imported everything.
    from flows.runtime.fork_client import run_forked

    run_forked(_socket, sys.orig_argv[1:])

if importlib.util.find_spec("prefect") is None:
    # `dvc repro` runs `python`, which is another one where the environment is not active.
    if not _PYTHON.exists() or Path(sys.executable) == _PYTHON:
        sys.exit("error: Prefect is not installed\n  remedy: run `make setup`")
    os.execv(_PYTHON, [str(_PYTHON), *sys.orig_argv[1:]])  # noqa: S606

from prefline.config.environment import apply_defaults  # noqa: E402

# Before Prefect is imported, which reads its settings then.
apply_defaults()
