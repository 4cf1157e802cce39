"""Checks of everything that a run needs. Each is a value with its remedy."""

from __future__ import annotations

import asyncio
import importlib.metadata
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from prefline.cli.project_commands import project_module
from prefline.config import Endpoint, EngineParams, Params, read_params
from prefline.config.stages import STAGES
from prefline.errors import PreflineError
from prefline.llm.batch.api import batch_api
from prefline.llm.local import require_local_model
from prefline.llm.transport import Transport, probe
from prefline.project import Project
from prefline.storage import StoreOptions, open_store
from prefline.storage.opening import project_store

_ENOUGH_DISK = 2 * 2**30  # bytes
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether it passed, what was seen, and the remedy if it did not."""

    check: str
    ok: bool
    detail: str
    remedy: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def diagnose(project: Project, *, call: bool = False) -> list[Finding]:
    """Return all checks, in the order in which a run would meet the faults. Costs nothing; with
    `call`, a few tokens for one tiny call to each endpoint."""
    try:
        params = read_params(project.params)
    except PreflineError as error:
        return [_failed("params.yaml", error)]
    endpoints = asyncio.run(_check_endpoints(project, params, call=call))
    calls = _check_calls(params) if call else []
    told = {finding.detail for finding in endpoints if not finding.ok}
    return [
        Finding("params.yaml", ok=True, detail="every key is known and in range"),
        *_check_versions(),
        _check_disk(project),
        *_check_stages(project, params),
        *endpoints,
        *(finding for finding in calls if finding.detail not in told),
        _check_object_store(project, params),
        *_check_run_store(params),
    ]


def _check_versions() -> Iterator[Finding]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("python", ok=sys.version_info >= (3, 11), detail=python)
    for name in ("prefect", "dvc", "great-expectations", "pyarrow"):
        try:
            yield Finding(name, ok=True, detail=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, ok=False, detail="not installed", remedy="run `make setup`")


def _check_disk(project: Project) -> Finding:
    free = shutil.disk_usage(project.root).free
    detail = f"{free / 2**30:.1f} GiB free"
    if free >= _ENOUGH_DISK:
        return Finding("disk", ok=True, detail=detail)
    return Finding("disk", ok=False, detail=detail, remedy="free at least 2 GiB")


def _check_stages(project: Project, params: Params) -> Iterator[Finding]:
    """Yield whether what each stage needs of this machine and of the project's files is there."""
    try:
        needs = project_module(project, "flows.runtime.needs")
    except PreflineError as error:
        yield _failed("stages", error)
        return
    for need in needs.needs_of_stages(project, params):
        if (fault := need.fault()) is not None:
            yield _failed(need.name, fault)
        else:
            yield Finding(need.name, ok=True, detail="all there")


async def _check_endpoints(project: Project, params: Params, *, call: bool) -> list[Finding]:
    asked = (endpoint for stage in STAGES for endpoint in params.endpoints_of(stage))
    endpoints = {endpoint.model: endpoint for endpoint in asked}
    with closing(Transport(_TIMEOUT_S)) as transport:
        return [
            _check_local(project, endpoint)
            if endpoint.is_local
            else await _check_endpoint(transport, endpoint, url, call=call)
            for endpoint in endpoints.values()
            for url in endpoint.urls
        ] + [
            await _check_batches(endpoint, params.engine)
            for endpoint in endpoints.values()
            if endpoint.mode == "batch"
        ]


def _check_local(project: Project, endpoint: Endpoint) -> Finding:
    check = f"endpoint of {endpoint.model}"
    try:
        require_local_model(endpoint, project.root)
    except PreflineError as error:
        return _failed(check, error)
    where = "bundled" if endpoint.weights is None else str(endpoint.weights)
    return Finding(check, ok=True, detail=f"{where}; started when it is needed")


async def _check_endpoint(
    transport: Transport, endpoint: Endpoint, url: str, *, call: bool
) -> Finding:
    check = f"endpoint of {endpoint.model}"
    try:
        listing = await probe(transport, endpoint, url)
    except PreflineError as error:
        return _failed(check, error)
    if listing.denied is not None:
        detail = f"{url} lists no models to this key ({listing.denied})"
        if call:  # it may be good for calls all the same, and they tell
            return Finding(check, ok=True, detail=detail)
        variable = endpoint.key_env or "the variable that key_env names"
        remedy = (
            f"put a valid key into {variable}; a key that may not list models can be good for "
            "calls: `prefline doctor --call` tells"
        )
        return Finding(check, False, detail, remedy)
    if listing.models and endpoint.model not in listing.models:
        served = ", ".join(listing.models[:10])
        detail = f"{url} does not list {endpoint.model!r}; it serves {served}"
        return Finding(check, False, detail, "correct `model` in params.yaml")
    if not listing.models:
        return Finding(check, ok=True, detail=f"{url} answers; it lists no models")
    return Finding(check, ok=True, detail=f"{url} answers and takes the key")


async def _check_batches(endpoint: Endpoint, params: EngineParams) -> Finding:
    check, api = f"batches of {endpoint.model}", batch_api(endpoint, params)
    try:
        await api.check()
    except PreflineError as error:
        return _failed(check, error)
    finally:
        await api.close()
    return Finding(check, ok=True, detail=f"{endpoint.base_url} has a Batch API")


def _check_calls(params: Params) -> list[Finding]:
    from prefline.cli.doctor_calls import check_calls

    return check_calls(params)


def _check_object_store(project: Project, params: Params) -> Finding:
    where = project.store_uri(params.publish.store)
    try:
        project_store(project, params.publish).check_writable()
    except PreflineError as error:
        return _failed("object store", error)
    return Finding("object store", ok=True, detail=f"{where} can be written")


def _check_run_store(params: Params) -> Iterator[Finding]:
    """Yield whether the place through which shards of several machines work can be written."""
    where, check = params.run.store, "store of shards"
    if where is None:
        return
    if params.run.executor == "local":
        yield Finding(check, True, f"{where} is not used: run.executor is local")
        return
    publish = params.publish
    options = StoreOptions(single_publisher=publish.single_publisher, **publish.s3.model_dump())
    try:
        open_store(where, options).check_writable()
    except PreflineError as error:
        yield _failed(check, error)
    else:
        yield Finding(check, True, f"{where} can be written")


def _failed(check: str, error: PreflineError) -> Finding:
    return Finding(check, False, error.problem, error.remedy)
