"""`run_stage`, with flows that do next to nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.runtime.stage import as_task
from tests.flows.projects import ROOT
from tests.forked import ForkedProcess, start_python

STAGE = """
import sys, time
from prefect import flow
from flows.runtime.stage import run_stage
from prefline.errors import SpendLimitReached

@flow(name="tiny")
def tiny() -> None:
    if sys.argv[1] == "fail":
        raise SpendLimitReached("$1.00 are spent", "raise engine.spend_limit_usd")
    print(sys.argv[1], flush=True)
    try:
        time.sleep(30 if sys.argv[1] in ("wait", "hide") else 0)
    finally:
        if sys.argv[1] == "hide":
            raise ValueError("in the middle of something")

run_stage(tiny)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """As little as makes a project."""
    (tmp_path / "tiny.py").write_text(STAGE)
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (tmp_path / "deeper").mkdir()
    return tmp_path


def start(project: Path, word: str, api: str) -> ForkedProcess:
    environment = os.environ | {"PREFECT_API_URL": api}
    return start_python(str(project / "tiny.py"), word, cwd=project / "deeper", env=environment)


def test_a_flow_that_does_well_says_nothing_of_prefect_s(project: Path, prefect_api: str) -> None:
    done = subprocess.run(
        [sys.executable, str(project / "tiny.py"), "done"],
        cwd=project / "deeper", capture_output=True, text=True, check=False,
        env=os.environ | {"PREFECT_API_URL": prefect_api, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert (done.stdout, done.stderr) == ("done\n", "")
    assert done.returncode == 0


def test_an_error_is_one_message_with_its_remedy_and_exit_code(
    project: Path, prefect_api: str
) -> None:
    child = start(project, "fail", prefect_api)
    said = child.communicate()[1]

    assert said == "error: $1.00 are spent\n  remedy: raise engine.spend_limit_usd\n"
    assert child.returncode == 3


@pytest.mark.parametrize("word", ["wait", "hide"], ids=["plainly", "hidden by an error"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
def test_an_interrupt_says_how_to_go_on(
    project: Path, prefect_api: str, number: signal.Signals, word: str
) -> None:
    child = start(project, word, prefect_api)
    assert child.stdout is not None
    assert child.stdout.readline() == f"{word}\n"
    child.send_signal(number)
    said = child.communicate(timeout=20)[1]

    assert said.startswith("error: interrupted; everything paid for is kept\n  remedy: run the")
    assert "Traceback" not in said
    assert child.returncode == 130


def test_a_server_that_does_not_answer_is_a_clear_error(project: Path) -> None:
    child = start(project, "done", "http://127.0.0.1:9/api")
    said = child.communicate()[1]

    assert said.startswith("error: the Prefect server at http://127.0.0.1:9/api")
    assert "unset PREFECT_API_URL" in said
    assert "Traceback" not in said
    assert child.returncode == 1


def test_without_the_environment_the_project_s_own_is_taken(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "__init__.py").write_text((ROOT / "flows" / "__init__.py").read_text())
    (tmp_path / "flows" / "which.py").write_text("import sys; print(sys.executable)")
    bare = [sys.executable, "-S", "-m", "flows.which"]  # a Python without any package
    before = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True, check=False)
    ours = tmp_path / ".venv" / "bin" / "python"
    ours.parent.mkdir(parents=True)
    ours.write_text('#!/bin/sh\necho "ours $@"\n')
    ours.chmod(0o755)
    after = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert "make setup" in before.stderr
    assert before.returncode == 1
    assert after.stdout == "ours -S -m flows.which\n"


class Rows(list[dict[str, int]]):
    """Rows that count how often somebody goes through them."""

    looks = 0

    def __iter__(self) -> Iterator[dict[str, int]]:
        Rows.looks += 1
        return super().__iter__()


def test_prefect_looks_into_no_row_that_a_task_is_given_or_gives(prefect_api: str) -> None:
    def count(rows: Rows) -> Rows:
        return Rows([{"n": len(rows)}])

    rows, results = Rows([{"n": 1}] * 3), list[Rows]()

    @flow
    def seen() -> None:
        task(cache_policy=NO_CACHE)(count)(rows)

    @flow
    def unseen() -> None:
        results.append(as_task(count)(rows))

    with temporary_settings({PREFECT_API_URL: prefect_api}):
        seen()
        assert Rows.looks > 0, "Prefect does not look any more: as_task can be a plain task"
        Rows.looks = 0
        unseen()
    assert Rows.looks == 0
    assert results[0][0] == {"n": 3}
