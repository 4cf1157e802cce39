"""All that a stage needs to call models: the engine, shared rate limits, and progress."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from flows.runtime.rate_limits import prefect_slots
from prefline.config import Endpoint, EngineParams
from prefline.llm import Engine, open_engine
from prefline.llm.progress import Progress
from prefline.llm.repeat import repeated
from prefline.llm.run_status import StatusWriter
from prefline.project import Project

_SECONDS_BETWEEN_UPDATES = 10.0


@contextmanager
def model_calls(
    project: Project,
    stage: str,
    endpoints: Sequence[Endpoint],
    params: EngineParams,
    *,
    total: int = 0,
    local_slots: int = 16,
) -> Iterator[tuple[Engine, Progress]]:
    """Open an engine for the endpoints of a stage, and show how far its `total` calls are.

    Rate limits that several runs share are Prefect's; progress goes to the terminal, to an
    artifact of the flow run, and to a file that `prefline review` reads. `local_slots` are the
    calls that a local model answers at once.
    """
    with (
        prefect_slots(endpoints) as acquire_slots,
        open_engine(
            project, endpoints, params, local_slots=local_slots, acquire_slots=acquire_slots
        ) as engine,
        Progress(stage, total, engine) as progress,
        StatusWriter(project.status, stage, progress, engine),
        progress_artifact(stage, progress),
    ):
        try:
            yield engine, progress
        finally:
            engine.stop()  # here, so that the last figures have what came in the end


@contextmanager
def progress_artifact(stage: str, progress: Progress) -> Iterator[None]:
    """Keep a progress artifact of the flow run up to date while the stage calls models."""
    if sys.stderr.isatty():
        yield
        return
    artifact_id = create_progress_artifact(
        0.0, key=f"{stage}-progress", description=progress.status()
    )
    assert isinstance(artifact_id, UUID)

    def update() -> None:
        with suppress(httpx.HTTPError):  # a late figure is no reason to stop
            update_progress_artifact(
                artifact_id, 100 * progress.fraction_done, description=progress.status()
            )

    with repeated(update, _SECONDS_BETWEEN_UPDATES):
        yield
    update()
