"""`run_command`, around something that ends in a way of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.projects import ROOT

PLAIN = "def run(project):\n    raise KeyboardInterrupt\n"
IN_A_STRING = "def run(project):\n    exec('raise KeyboardInterrupt')\n"
ONCE_MORE = (
    "import atexit, signal\n"
    "def run(project):\n"
    "    atexit.register(signal.raise_signal, signal.SIGINT)\n"
    "    raise KeyboardInterrupt\n"
)
TOLD_BY_A_SCRIPT = (
    "import os, signal, time\n"
    "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "def run(project):\n"
    "    os.kill(os.getpid(), signal.SIGTERM)\n"
    "    time.sleep(20)\n"
)


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(PLAIN, id="in plain code"),
        pytest.param(IN_A_STRING, id="while a dataclass is made"),
        pytest.param(ONCE_MORE, id="and again at the very end"),
        pytest.param(TOLD_BY_A_SCRIPT, id="by SIGTERM in a script's background"),
    ],
)
def test_an_interrupt_ends_with_its_exit_code_and_one_message(what: str, tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    code = f"from flows.runtime.ending import run_command\n{what}run_command(run)\n"
    (tmp_path / "interrupted.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert done.stderr == (
        "error: interrupted; everything paid for is kept\n"
        "  remedy: run the same command again: it goes on where it was\n"
    )
    assert done.returncode == 130
