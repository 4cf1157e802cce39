"""Executors of shards: processes of this machine, or a Ray cluster, as params say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from functools import lru_cache
from pathlib import Path
from typing import Any

import cloudpickle
from prefect import task
from prefect.cache_policies import NO_CACHE

from prefline.config import ShardParams
from prefline.errors import InputError
from prefline.tables.shards import R, S, Spread, in_order, on_processes

_LOCAL = "local"
_AHEAD = 4  # shards sent for each core of the cluster
_ROOT = Path(__file__).parents[2]
_LOCKED = "if it asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_LOCKED"


@contextmanager
def spread_over(params: ShardParams) -> Iterator[Spread]:
    """Processes of this machine, or a Ray cluster, there for as long as the block lasts.

    Raises `InputError` if Ray is asked for and not installed, or does not answer.
    """
    if params.ray is None:
        yield on_processes(params.processes or len(os.sched_getaffinity(0)))
        return
    with ray_cluster(params.ray) as runner:
        yield _on_ray(runner)


@contextmanager
def ray_cluster(address: str) -> Iterator[Any]:
    """Give Prefect's task runner for a Ray cluster, begun; see `spread_over`."""
    try:
        from prefect_ray import RayTaskRunner
    except ImportError as error:
        raise InputError(
            "run.executor is ray, or shards.ray names a cluster, and Ray is not installed",
            "install it by `make .venv/.set-up-ray`; or set run.executor to local and leave "
            "shards.ray out",
        ) from error
    # Nothing of a run is told to anybody.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    environment = {"py_modules": _code(), "env_vars": _prefect()}
    settings = {"runtime_env": environment, "logging_level": "WARNING"}
    runner = RayTaskRunner(None if address == _LOCAL else address, settings)
    with ExitStack() as stack:
        try:
            stack.enter_context(runner)
        except ConnectionError as error:
            raise InputError(
                f"no Ray cluster answers at {address}: {error}",
                f"start one (`ray start --head`), or correct shards.ray; {_LOCKED}",
            ) from error
        yield runner


def _on_ray(runner: Any) -> Spread:
    """Yield one task of Prefect for each shard."""
    import ray

    most = _AHEAD * int(ray.cluster_resources()["CPU"])
    # The flow's, where a task submits tasks: what the task was given need not be fit to be sent.
    context = copy_context()

    def spread(work: Callable[[S], R], shards: Iterable[S]) -> Iterator[R]:
        sent = ray.put(cloudpickle.dumps(work))

        def submit(shard: S) -> Any:
            # As bytes, in Ray's store: Prefect looks into every value of a task's parameters.
            arguments = {"work": sent, "shard": ray.put(cloudpickle.dumps(shard))}
            return context.run(runner.submit, task(cache_policy=NO_CACHE)(on_shard), arguments)

        for future in in_order(submit, shards, most):
            yield cloudpickle.loads(future.result())

    return spread


def on_shard(work: bytes, shard: bytes) -> bytes:
    """Return the work on one shard, wherever it is done; all three are pickled."""
    result: bytes = cloudpickle.dumps(_loaded(work)(cloudpickle.loads(shard)))
    return result


@lru_cache(maxsize=2)
def _loaded(work: bytes) -> Callable[[Any], Any]:
    """Return the work, unpickled once in a process and not once a shard."""
    function: Callable[[Any], Any] = cloudpickle.loads(work)
    return function


def _prefect() -> dict[str, str]:
    """Return which Prefect server the cluster's tasks tell of themselves: the one of this run."""
    from prefect.client.orchestration import get_client

    mine = {name: value for name, value in os.environ.items() if name.startswith("PREFECT_")}
    return mine | {"PREFECT_API_URL": str(get_client(sync_client=True).api_url)}


def _code() -> list[str]:
    """Return the packages that machines of a cluster need, beside what the extras install."""
    return [str(_ROOT / name) for name in ("flows", "prefline", "tasks")]
