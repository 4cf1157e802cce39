"""Run a stage's flow: `python -m flows.<stage>`."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import httpx
from prefect import Flow, task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import PrefectHTTPStatusError, TerminationSignal
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    temporary_settings,
)

from flows.runtime.ending import run_command
from flows.runtime.lineage_events import lineage_events
from flows.runtime.needs import require_ready
from flows.runtime.prefect_server import api_url, is_project_server
from prefline.config.environment import bypass_proxy, name_prefect_server
from prefline.config.stages import STAGES
from prefline.errors import WorkflowError
from prefline.project import Project

_OBJECTS_A_COLLECTION = 50_000  # by default 700


def run_stage(flow: Flow[..., Any], **parameters: Any) -> None:
    """Run a stage's flow on a Prefect server and end the process as it ended; `parameters` are
    the flow's.

    An error of the tree is printed with its remedy, without a traceback, and gives the exit
    code. SIGTERM is an interrupt like Ctrl-C.
    """

    def run(project: Project) -> None:
        _collect_garbage_rarely()
        if flow.name in STAGES:
            require_ready(project, flow.name)
        with on_server(project), lineage_events(project, flow.name):
            flow(**parameters)

    run_command(run)


def _collect_garbage_rarely() -> None:
    """Leave what is imported out of garbage collection, and do that once for many objects: looking
    at all of Prefect again and again took nearly a fifth of the time of a stage with calls."""
    gc.freeze()
    gc.set_threshold(_OBJECTS_A_COLLECTION)


@contextmanager
def on_server(project: Project) -> Iterator[None]:
    """Give a Prefect server for the flows of this process and of those that it starts.

    Raises `WorkflowError` if there is none, or if it is lost on the way.
    """
    url = api_url(project, named=PREFECT_API_URL.value())
    bypass_proxy(url)
    own = is_project_server(project, url)
    name_prefect_server(url, own=own)
    settings: dict[Any, Any] = {PREFECT_API_URL: url}
    if own:
        # Nobody watches for missing heartbeats there, and the end of a flow waits for the next.
        settings[PREFECT_FLOWS_HEARTBEAT_FREQUENCY] = None
    try:
        with temporary_settings(settings):
            yield
    except TerminationSignal:
        # While a flow runs Prefect turns SIGTERM into this.
        raise KeyboardInterrupt from None
    except Exception as error:
        if _hides_an_interrupt(error):
            raise KeyboardInterrupt from None
        if not isinstance(error, httpx.TransportError | PrefectHTTPStatusError):
            raise
        raise WorkflowError(
            f"the Prefect server at {url} failed: {error}",
            "see its log; if it wants a key, set PREFECT_API_KEY or PREFECT_API_AUTH_STRING; then "
            "run the same command again",
        ) from error


def _hides_an_interrupt(error: BaseException | None) -> bool:
    """Return whether an error came up while an interrupt was on its way: Prefect has some of those
    where it is interrupted while a task run begins."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt | TerminationSignal):
            return True
        error = error.__context__
    return False


P = ParamSpec("P")
R = TypeVar("R")


def as_task(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function as one that runs in a task of its name.

    Nothing is cached by Prefect: what is stale is DVC's word, and what was paid for is in the reply
    store. Nor does it see arguments and result: it would look into every value of every row, which
    took four fifths of the time of `pair`.
    """

    @wraps(function)
    def run(*arguments: P.args, **named: P.kwargs) -> R:
        results: list[R] = []

        def call() -> None:
            results.append(function(*arguments, **named))

        task(name=function.__name__, cache_policy=NO_CACHE)(call)()
        return results[0]

    return run
