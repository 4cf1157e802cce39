"""Progress of a stage as an artifact on the Prefect server, for runs without a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from prefline.llm.progress import Progress

_SECONDS_BETWEEN_UPDATES = 10.0


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
    ended = threading.Event()

    def update() -> None:
        with suppress(httpx.HTTPError):  # a late figure is no reason to stop
            update_progress_artifact(
                artifact_id, 100 * progress.fraction_done, description=progress.status()
            )

    def update_repeatedly() -> None:
        while not ended.wait(_SECONDS_BETWEEN_UPDATES):
            update()

    thread = threading.Thread(target=update_repeatedly, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    update()
