"""The button that uses the answers."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from prefline.project import Project
from prefline.review.repro import COMMAND, Repro
from tests.prefline.report.projects import empty_project

SAYS = "print('\\x1b[31mred\\x1b[0m pair: 12 preferences', flush=True); {then}"


def ended(repro: Repro) -> None:
    for _ in range(500):
        if not repro.state().running:
            return
        time.sleep(0.02)


def project(folder: Path) -> Project:
    return empty_project(folder)


def test_it_runs_the_command_that_the_page_shows() -> None:
    assert COMMAND[1:] == ("-m", "dvc", "repro", "pair")


def test_it_says_how_far_the_command_is_and_how_it_ended(tmp_path: Path) -> None:
    repro = Repro(project(tmp_path), (sys.executable, "-c", SAYS.format(then="exit(3)")))
    assert not repro.state().running
    assert repro.state().ended is None
    repro.start()
    ended(repro)
    state = repro.state()
    assert state.ended == 3
    assert state.lines == "\\u001b[31mred\\u001b[0m pair: 12 preferences"


def test_it_runs_once_at_a_time(tmp_path: Path) -> None:
    code = "import time; open('runs', 'a').write('x'); time.sleep(0.3)"
    repro = Repro(project(tmp_path), (sys.executable, "-c", code))
    repro.start()
    repro.start()
    assert repro.state().running
    ended(repro)
    assert (tmp_path / "runs").read_text() == "x"
    repro.start()
    ended(repro)
    assert (tmp_path / "runs").read_text() == "xx"
