"""What all tests share."""

from __future__ import annotations

import gc
import os
import shlex
import signal
from typing import Any

import pytest
from hypothesis import settings

from tests.forked import command

pytest_plugins = ["tests.s3_server"]

# Several workers share the cores: threads of linear algebra would only wait for each other. Read
# when numpy is imported, which has not been done yet.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The machines are shared and noisy: how long one example takes says nothing. Each run draws other
# examples; where money is at stake a test asks for more of them.
settings.register_profile("prefline", deadline=None, max_examples=15)
settings.load_profile("prefline")

# A shell starts what runs in the background with Ctrl-C ignored, and so would every process
# that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Begin the workers by forks: their imports take twenty seconds of CPU each."""
    for spec in specs:
        spec.python = shlex.join(command())


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of garbage collection."""
    gc.freeze()
