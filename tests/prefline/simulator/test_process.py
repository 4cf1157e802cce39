"""A server in a process of its own: how it starts, and that it ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prefline.errors import PortTaken
from prefline.simulator import SimulatedServer, SimulatorConfig, simulated_server


def test_a_taken_port_is_an_error_with_a_remedy(simulator: SimulatedServer) -> None:
    port = int(simulator.base_url.split(":")[2].split("/")[0])
    with (
        pytest.raises(PortTaken, match="port 0 for a free one"),
        simulated_server(SimulatorConfig(port=port)),
    ):
        pass


def test_a_server_of_a_program_ends_with_the_program_however_it_ends() -> None:
    program = (
        "import os; from prefline.simulator import simulated_server\n"
        "with simulated_server() as server:\n"
        "    print(server.pid, flush=True); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 9
    assert ends_within(int(done.stdout), seconds=5)


def ends_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # An orphan that has ended may stay as a zombie until it is reaped.
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists() and stat.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False
