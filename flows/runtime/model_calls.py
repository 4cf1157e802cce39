"""All that a stage needs to call models: the engine, shared rate limits, and progress."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flows.runtime.progress_artifact import progress_artifact
from flows.runtime.rate_limits import prefect_slots
from prefline.config import Endpoint, EngineParams
from prefline.llm import Engine, open_engine
from prefline.llm.progress import Progress
from prefline.project import Project


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

    Rate limits that several runs share are Prefect's; progress goes to the terminal and to an
    artifact of the flow run. `local_slots` are the calls that a local model answers at once.
    """
    with (
        prefect_slots(endpoints) as acquire_slots,
        open_engine(
            project, endpoints, params, local_slots=local_slots, acquire_slots=acquire_slots
        ) as engine,
        Progress(stage, total, engine) as progress,
        progress_artifact(stage, progress),
    ):
        yield engine, progress
