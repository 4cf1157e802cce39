"""Runs a stage's flow as a plain function, without Prefect, whose import takes seconds.

`python without_prefect.py STAGE` in a project, whose code PYTHONPATH names. All that a flow
reads, asks, decides and writes is its own; what Prefect adds (task runs, leases, a progress
artifact, a server) has a stand-in.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import nullcontext
from types import ModuleType
from typing import Any

from flows.runtime.ending import run_command


def _stand_in(name: str, **content: Any) -> None:
    module = ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module


def _run(stage: str) -> None:
    _stand_in("prefect", flow=lambda **_: lambda function: function)
    _stand_in("flows.runtime.stage", as_task=lambda function: function)
    _stand_in("flows.runtime.rate_limits", prefect_lease=lambda _: nullcontext())
    _stand_in("flows.runtime.progress_artifact", progress_artifact=lambda *_: nullcontext())
    _stand_in("flows.runtime.stage", run_stage=None)
    getattr(importlib.import_module(f"flows.{stage}"), stage)()


if __name__ == "__main__":
    run_command(lambda _: _run(sys.argv[1]))
