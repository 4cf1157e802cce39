"""`prefline review` as a person runs it."""

from __future__ import annotations

import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from prefline.errors import PortTaken
from prefline.review.server import listen
from tests.forked import start_python
from tests.prefline.review.material import review_project

COMMAND = ("-c", "from prefline.cli import main; main()", "review")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
def test_one_line_says_what_to_open_and_a_signal_ends_it(tmp_path: Path, host: str) -> None:
    project = review_project(tmp_path, 1)
    process = start_python(*COMMAND, "--port", "0", "--host", host, cwd=project.root)
    line = process.stdout.readline()
    url = line.removeprefix("open ").split()[0].replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    with urllib.request.urlopen(f"{url}review/ann") as answer:  # noqa: S310
        assert "Question 0?" in answer.read().decode()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(20)
    assert "Traceback" not in error
    warned = "warning: 0.0.0.0 is not the loopback" in error
    assert warned == (host != "127.0.0.1")


def test_a_port_that_is_taken_gives_way_unless_it_was_asked_for() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(PortTaken, match="--port"):
            listen("127.0.0.1", port, fixed=True)
        with listen("127.0.0.1", port, fixed=False) as other:
            assert other.getsockname()[1] != port
