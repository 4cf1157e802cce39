"""How far a stage is, on the Prefect server: for runs that nobody watches on a terminal."""

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
    """Keep a progress artifact of the flow's run up to date while the stage calls models."""
    if sys.stderr.isatty():
        yield
        return
    made = create_progress_artifact(0.0, key=f"{stage}-progress", description=progress.note())
    assert isinstance(made, UUID)
    ended = threading.Event()

    def update() -> None:
        with suppress(httpx.HTTPError):  # a figure that is late is worth no stop
            update_progress_artifact(made, 100 * progress.share, description=progress.note())

    def keep_up() -> None:
        while not ended.wait(_SECONDS_BETWEEN_UPDATES):
            update()

    thread = threading.Thread(target=keep_up, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    update()
