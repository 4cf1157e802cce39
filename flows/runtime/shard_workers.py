"""Shards done by workers: flow runs of the deployment `shard`, or tasks of a Ray cluster.

They work in the clone of the stage's process, or, where `run.store` names what they hand over
through, on machines with clones of their own.
"""

from __future__ import annotations

import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling, Crashed

from flows.runtime.executor import ray_cluster
from flows.runtime.shard_runs import (
    SILENT_S,
    Json,
    ShardProcess,
    ShardProject,
    ShardRange,
    StartShard,
)
from flows.runtime.shard_store import code_hash, fetched, run_in_store
from prefline.config import Params
from prefline.errors import WorkflowError
from prefline.project import Project

_DEPLOYMENT = "shard/shard"
_LOOK_S = 0.5
_BOOT = Path("/proc/sys/kernel/random/boot_id")

Submit = Callable[[ShardProject, Json], ShardProcess]
"""Have the flow `shard` run with these parameters by some worker."""


@contextmanager
def on_workers(
    project: Project, stage: str, params: Params, models: Iterable[str], also: Sequence[Path]
) -> Iterator[StartShard]:
    """Give what starts shards on workers; see `shards_done`.

    Raises `WorkflowError` without a deployment, `InputError` without Ray, and `ObjectStoreError`
    where `run.store` cannot be written.
    """

    def parameters(shard: ShardProject, run: str, limit_usd: float | None, place: Json) -> Json:
        return {
            "stage": stage, "start": shard.range.start, "stop": shard.range.stop,
            "run": run, "limit_usd": limit_usd, "place": place,
        }  # fmt: skip

    with (
        _ray(params.shards.ray or "local") if params.run.executor == "ray" else _prefect()
    ) as submit:
        if params.run.store is None:
            place = _mark_clone(project, stage)
            yield lambda shard, run, usd: submit(shard, parameters(shard, run, usd, place))
            return
        with run_in_store(project, stage, params, models, also) as staged:
            yield lambda shard, run, usd: staged.start(
                shard, run, lambda place: submit(shard, parameters(shard, run, usd, place))
            )


@contextmanager
def shard_at(place: Json, stage: str, part: ShardRange, run: str) -> Iterator[ShardProject]:
    """Give the project of a shard that a worker does: in the clone of the stage's process, or with
    inputs from a store.

    Raises `WorkflowError` where the worker is at neither, or has other code.
    """
    if "root" not in place:
        with fetched(place, stage, part, run) as shard:
            yield shard
        return
    project = Project(Path(place["root"]))
    try:
        mark = orjson.loads(_mark(project, stage).read_bytes())
    except FileNotFoundError:
        mark = None
    if mark != place["mark"] or mark["machine"] != _machine():
        raise WorkflowError(
            f"this worker ({os.uname().nodename}) does not share {project.root} with the stage "
            f"that waits for it ({place['mark']['node']}), and run.store is not set",
            "set run.store in params.yaml to s3://bucket/prefix or a mounted folder, or start "
            "workers on that machine only",
        )
    if mark["code"] != code_hash():
        raise WorkflowError(
            f"this worker's code is not that of {project.root}",
            "start it in that clone, or again if the code was changed since",
        )
    yield ShardProject(project.root, stage, part)


def _mark_clone(project: Project, stage: str) -> Json:
    """Write what only processes of this machine, in this clone, can read back."""
    mark = {
        "token": secrets.token_hex(8), "machine": _machine(), "node": os.uname().nodename,
        "code": code_hash(),
    }  # fmt: skip
    _mark(project, stage).write_bytes(orjson.dumps(mark))
    return {"root": str(project.root), "mark": mark}


def _mark(project: Project, stage: str) -> Path:
    return project.shards(stage) / "run.json"


def _machine() -> str:
    """Return what only the processes of one running system have in common, in containers too: they
    share the locks and the memory that the reply store needs."""
    return _BOOT.read_text("ascii").strip() if _BOOT.exists() else os.uname().nodename


@contextmanager
def _prefect() -> Iterator[Submit]:
    with get_client(sync_client=True) as client:
        try:
            deployment = client.read_deployment_by_name(_DEPLOYMENT).id
        except ObjectNotFound as error:
            raise WorkflowError(
                f"run.executor is prefect, and the server has no deployment {_DEPLOYMENT}",
                "`prefect deploy --name shard` registers it, and `prefect worker start --pool "
                "prefline` starts a worker (docs/scale.md); or set run.executor to local",
            ) from error

        def submit(shard: ShardProject, parameters: Json) -> PrefectShard:
            created = client.create_flow_run_from_deployment(
                deployment, parameters=parameters, name=f"{shard.stage} {shard.range}"
            )
            return PrefectShard(client, created.id, shard)

        yield submit


class PrefectShard:
    """A shard that some worker takes, or has taken."""

    def __init__(self, client: SyncPrefectClient, flow_run: UUID, shard: ShardProject) -> None:
        self._client, self._id, self._shard = client, flow_run, shard
        self._ended, self._look_at = False, 0.0
        self._running_since: float | None = None
        self._problem: str | None = None

    def has_ended(self) -> bool:
        """Return whether the run has ended. One that runs and has long told nothing has: its worker
        was killed, and nobody else tells the server."""
        now = time.monotonic()
        if self._ended or now < self._look_at:
            return self._ended
        self._look_at = now + _LOOK_S
        state = self._client.read_flow_run(self._id).state
        if state is None:
            return False
        self._ended = state.is_final()
        if state.is_failed():
            self._problem = state.message
        elif state.is_crashed():
            with self._shard.log.open("a", encoding="utf-8") as log:
                log.write(f"{state.message}; see the worker's log\n")
        if state.is_running():
            self._running_since = self._running_since or now
            if min(now - self._running_since, self._shard.silent_s) > SILENT_S:
                self._client.set_flow_run_state(
                    self._id, Crashed(message="its worker tells nothing any more"), force=True
                )
                self._ended = True
        return self._ended

    def stop(self) -> None:
        """Cancel the run: its worker interrupts it."""
        self._client.set_flow_run_state(self._id, Cancelling())

    def wait(self, timeout: float) -> None:
        """Wait for its end, for at most so many seconds."""
        until = time.monotonic() + timeout
        while not self.has_ended() and time.monotonic() < until:
            time.sleep(_LOOK_S)

    def problem(self) -> str | None:
        """Return by what the flow failed, which another worker's would, too."""
        return self._problem


@contextmanager
def _ray(address: str) -> Iterator[Submit]:
    with ray_cluster(address):
        import ray

        # A process that dies has its range given to another by the stage, which counts its spend.
        task = ray.remote(max_retries=0)(_shard_task)
        yield lambda _, parameters: RayShard(task.remote(parameters))


def _shard_task(parameters: Json) -> None:
    from flows.shard import shard

    # Ray starts its processes with Ctrl-C blocked.
    if threading.current_thread() is threading.main_thread():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, signal.default_int_handler)
    shard(**parameters)


class RayShard:
    """A shard that is a task of Ray."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def has_ended(self) -> bool:
        """Return whether the task has ended."""
        return self._ended_within(0)

    def stop(self) -> None:
        """Interrupt the task."""
        import ray

        ray.cancel(self._reference)

    def wait(self, timeout: float) -> None:
        """Wait for its end; kill its process after so many seconds."""
        import ray

        if not self._ended_within(timeout):
            ray.cancel(self._reference, force=True)

    def problem(self) -> str | None:
        """Return what the task raised; None if its process died or was told to end."""
        import ray
        from ray.exceptions import RayTaskError

        if not self._ended_within(0):
            return None
        try:
            ray.get(self._reference)
        except RayTaskError as error:
            return None if isinstance(error.cause, KeyboardInterrupt) else str(error.cause)
        except ray.exceptions.RayError:
            return None
        return None

    def _ended_within(self, timeout: float) -> bool:
        import ray

        return bool(ray.wait([self._reference], timeout=timeout)[0])
