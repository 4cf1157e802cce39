"""An action that is repeated in a thread of its own while a block runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context


@contextmanager
def repeated(action: Callable[[], None], every_s: float) -> Iterator[None]:
    """Call `action` every `every_s` seconds until the block ends; wait for the last call's end.

    It runs in the caller's context: the Prefect server of a flow is named there, and without one
    Prefect starts another server.
    """
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(every_s):
            action()

    thread = threading.Thread(target=copy_context().run, args=(repeat,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
