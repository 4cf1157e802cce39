"""Shards as flow runs of the deployment `shard`, which workers of a Prefect work pool take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling, Crashed

from flows.runtime.shard_runs import ShardProject, StartShard
from prefline.errors import WorkflowError

_DEPLOYMENT = "shard/shard"
_LOOK_S = 0.5
_SILENT_S = 30.0  # a shard writes its status every second


@contextmanager
def prefect_shards() -> Iterator[StartShard]:
    """Give what starts shards as flow runs. Raises `WorkflowError` without such a deployment."""
    with get_client(sync_client=True) as client:
        try:
            deployment = client.read_deployment_by_name(_DEPLOYMENT).id
        except ObjectNotFound as error:
            raise WorkflowError(
                f"run.executor is prefect, and the server has no deployment {_DEPLOYMENT}",
                "`prefect deploy --name shard` registers it, and `prefect worker start --pool "
                "prefline` starts a worker (docs/scale.md); or set run.executor to local",
            ) from error

        def start(shard: ShardProject, run: str, limit_usd: float | None) -> PrefectShard:
            parameters = {
                "stage": shard.stage, "start": shard.range.start, "stop": shard.range.stop,
                "run": run, "limit_usd": limit_usd,
            }  # fmt: skip
            created = client.create_flow_run_from_deployment(
                deployment, parameters=parameters, name=f"{shard.stage} {shard.range}"
            )
            return PrefectShard(client, created.id, shard)

        yield start


class PrefectShard:
    """A shard that some worker takes, or has taken."""

    def __init__(self, client: SyncPrefectClient, flow_run: UUID, shard: ShardProject) -> None:
        self._client, self._id, self._shard = client, flow_run, shard
        self._ended, self._look_at = False, 0.0
        self._running_since: float | None = None

    def has_ended(self) -> bool:
        """Return whether the run has ended. One that runs and has long told nothing has: its worker
        was killed, and nobody else tells the server."""
        now = time.monotonic()
        if self._ended or now < self._look_at:
            return self._ended
        self._look_at = now + _LOOK_S
        state = self._client.read_flow_run(self._id).state
        self._ended = state is not None and state.is_final()
        if state is not None and state.is_running():
            self._running_since = self._running_since or now
            if now - self._running_since > _SILENT_S and self._silent_s() > _SILENT_S:
                self._client.set_flow_run_state(
                    self._id, Crashed(message="its worker tells nothing any more"), force=True
                )
                self._ended = True
        return self._ended

    def _silent_s(self) -> float:
        return time.time() - float(self._shard.read_status().get("updated_at", 0.0))

    def stop(self) -> None:
        """Cancel the run: its worker interrupts it."""
        self._client.set_flow_run_state(self._id, Cancelling())

    def wait(self, timeout: float) -> None:
        """Wait for its end, for at most so many seconds."""
        until = time.monotonic() + timeout
        while not self.has_ended() and time.monotonic() < until:
            time.sleep(_LOOK_S)
