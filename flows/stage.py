"""What `python -m flows.<stage>` does around its flow."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from prefect import Flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from prefline.errors import Interrupted, PreflineError
from prefline.params import read_params
from prefline.prefect_server import api_url
from prefline.project import Project, find_project


def run_stage(flow: Flow[..., Any]) -> None:
    """Run a stage's flow on a Prefect server and end the process as it ended.

    An error of the tree is printed with its remedy, without a traceback, and gives the exit
    code. SIGTERM is an interrupt like Ctrl-C.
    """

    def run(project: Project) -> None:
        with on_server(project):
            flow()

    end_with(run)


@contextmanager
def on_server(project: Project) -> Iterator[None]:
    """A Prefect server for the flows of this process and of those that it starts."""
    url = api_url(project)
    os.environ["PREFECT_API_URL"] = url
    with temporary_settings({PREFECT_API_URL: url}):
        yield


def end_with(run: Callable[[Project], None]) -> None:
    """Call `run` with the project; turn errors of the tree into messages and exit codes."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        try:
            project = find_project()
            os.chdir(project.root)
            read_params(project.params)  # before a server is started for nothing
            run(project)
        except KeyboardInterrupt:
            raise Interrupted(
                "interrupted; every reply that had arrived is stored",
                "run the same command again: it goes on where it was",
            ) from None
    except PreflineError as error:
        sys.stdout.flush()
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
