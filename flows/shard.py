"""A shard of a stage: a contiguous range of its prompts, in a process of its own.

`python -m flows.shard STAGE START STOP RUN [LIMIT_USD]` on this machine, or the flow `shard` by a
worker of a Prefect work pool or in a task of Ray. What a shard writes is put together by the
stage's own process (`flows/runtime/shard_runs.py`).
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from typing import Any

from prefect import flow

from flows.runtime.shard_runs import ShardProject, ShardRange, errors_told
from flows.runtime.shard_workers import shard_at
from flows.runtime.stage import run_stage
from prefline.atomic import atomic_folder
from prefline.config import read_params
from prefline.config.environment import name_run
from prefline.llm.repeat import repeated
from prefline.project import find_project

_TOUCH_S = 5.0


@flow(name="shard")
def shard(
    stage: str,
    start: int,
    stop: int,
    run: str,
    limit_usd: float | None = None,
    place: dict[str, Any] | None = None,
) -> None:
    """Do a stage's work for the prompts at places `start` to `stop`, for at most `limit_usd` which
    are counted under the name `run`; `place` says where its inputs lie, if not here."""
    name_run(run)
    part = ShardRange(start, stop)
    if place is None:
        do_shard(ShardProject(find_project().root, stage, part), limit_usd)
    else:
        with shard_at(place, stage, part, run) as project:
            do_shard(project, limit_usd)


def do_shard(project: ShardProject, limit_usd: float | None) -> None:
    """Do the work of a shard, for at most `limit_usd`."""
    params = read_params(project.params)
    engine = params.engine.model_copy(update={"spend_limit_usd": limit_usd})
    with (
        repeated(project.touch, _TOUCH_S),
        errors_told(project.error),
        atomic_folder(project.folder) as draft,
    ):
        work = importlib.import_module(f"flows.{project.stage}").work_on_range
        start, stop = project.range.start, project.range.stop
        work(project, params.model_copy(update={"engine": engine}), start, stop, draft)


def _end_with_input() -> None:
    """End when the stage's process does, which holds the other end of standard input."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    stage, start, stop, run, *limit = sys.argv[1:]
    threading.Thread(target=_end_with_input, daemon=True).start()
    run_stage(
        shard, stage=stage, start=int(start), stop=int(stop), run=run,
        limit_usd=float(limit[0]) if limit else None,
    )  # fmt: skip
