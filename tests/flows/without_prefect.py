"""Run a stage's flow as a plain function, without Prefect: `python without_prefect.py STAGE`.

All that a flow reads, asks, decides and writes is its own; what Prefect adds (tasks, rate limits, a
progress artifact, a server) has a stand-in.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import nullcontext

from flows.runtime.ending import run_command

STAND_INS = {
    "as_task": lambda function: function,
    "prefect_slots": lambda _: nullcontext(),
    "progress_artifact": lambda *_: nullcontext(),
}


def run(stage: str) -> None:
    """Run the flow of this name."""
    flow, calls = map(importlib.import_module, (f"flows.{stage}", "flows.runtime.model_calls"))
    for module in (flow, calls):
        for name in STAND_INS.keys() & vars(module).keys():
            setattr(module, name, STAND_INS[name])
    getattr(flow, stage).fn()


if __name__ == "__main__":
    run_command(lambda _: run(sys.argv[1]))
