"""Run a stage's flow, or a shard of one, as a plain function, without Prefect:
`python without_prefect.py FLOW [ARGUMENTS]`, with the flow's arguments as JSON.

All that a flow reads, asks, decides and writes is its own; what Prefect adds (tasks, rate limits, a
progress artifact, a server) has a stand-in. Of the suites of `validate` one is checked: all of them
keep Great Expectations busy for four seconds.
"""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import nullcontext
from typing import Any

from flows.runtime.ending import run_command
from tasks.validate import preferences
from tasks.validate import run as validate_run

STAND_INS = {
    "as_task": lambda function: function,
    "prefect_slots": lambda _: nullcontext(),
    "progress_artifact": lambda *_: nullcontext(),
}


def run(name: str, **arguments: Any) -> None:
    """Run the flow of this name."""
    stage = arguments.get("stage", name)
    for module in map(
        importlib.import_module,
        (f"flows.{stage}", "flows.runtime.model_calls", "flows.runtime.shard_runs"),
    ):
        for stand_in in STAND_INS.keys() & vars(module).keys():
            setattr(module, stand_in, STAND_INS[stand_in])
    getattr(importlib.import_module(f"flows.{name}"), name).fn(**arguments)


if __name__ == "__main__":
    # Of this process alone: other tests of one that calls `run` want them all.
    validate_run.SUITES = (preferences.SUITE,)
    run_command(lambda _: run(sys.argv[1], **json.loads("".join(sys.argv[2:]) or "{}")))
