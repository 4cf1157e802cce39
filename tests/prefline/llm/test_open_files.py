from __future__ import annotations

import subprocess
import sys

CODE = """
import resource, sys
from prefline.llm.http_client import allow_connections
from prefline.errors import ParamsError
resource.setrlimit(resource.RLIMIT_NOFILE, (512, 4096))
try:
    allow_connections(int(sys.argv[1]))
except ParamsError as error:
    print(error)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def run(most: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(most)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_limit_of_open_files_is_raised_as_far_as_the_connections_need() -> None:
    assert run(1_000) == "1256\n"
    assert run(100) == "512\n"


def test_more_connections_than_the_system_allows_are_refused_with_the_remedy() -> None:
    assert "lower engine.max_in_flight" in run(10_000)
