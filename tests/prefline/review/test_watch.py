"""The stages of a run, from the files that it writes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from prefline.errors import InputError
from prefline.project import Project
from prefline.review.server import guarded, make_app
from prefline.review.watch import Watcher
from tests.prefline.report.projects import empty_project
from tests.prefline.review.material import TOKEN

STAGES = """
stages:
  sample: {cmd: x, outs: [data/prompts, {data/drawn: {persist: true}}]}
  judge: {cmd: x, outs: [data/judgments], metrics: [data/metrics/judge.json]}
"""
STATUS = {
    "stage": "judge", "process": os.getpid(), "started_at": 0.0, "updated_at": 0.0, "ended": None,
    "total": 200, "done": 50, "cached": 5, "failed": 1, "in_flight": 12, "per_second": 3.5,
    "tokens": 1234, "spent_usd": 0.5, "earlier_usd": 0.25, "limit_usd": 10.0,
    "retries": [{"model": "m", "reason": "http_429", "n": 7}], "batches": [],
    "failures": [{"model": "m", "reason": "timeout", "n": 1, "example": "<b>late</b>"}],
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = empty_project(tmp_path)
    (tmp_path / "dvc.yaml").write_text(STAGES)
    return project


def tell(project: Project, **changed: Any) -> None:
    project.status.mkdir(parents=True, exist_ok=True)
    status = STATUS | {"started_at": time.time() - 60, "updated_at": time.time()} | changed
    (project.status / "judge.json").write_bytes(orjson.dumps(status))


def states(project: Project) -> dict[str, str]:
    return {stage.name: stage.state for stage in Watcher(project).stages()}


def test_a_stage_is_made_once_its_outputs_are_there(project: Project) -> None:
    assert states(project) == {"sample": "not made", "judge": "not made"}
    project.table("prompts").mkdir(parents=True)
    assert states(project) == {"sample": "made", "judge": "not made"}


def test_a_stage_whose_process_tells_of_calls_runs(project: Project) -> None:
    tell(project)
    assert states(project)["judge"] == "running"


@pytest.mark.parametrize(
    "changed", [{"ended": "stopped: no money"}, {"process": 2**22 + 1}], ids=["error", "killed"]
)
def test_a_stage_that_ended_by_an_error_or_a_kill_is_stopped_until_it_is_made(
    project: Project, changed: dict[str, Any]
) -> None:
    tell(project, **changed)
    assert states(project)["judge"] == "stopped"
    time.sleep(0.02)
    project.table("judgments").mkdir(parents=True)
    assert states(project)["judge"] == "made"


def test_a_stage_without_calls_runs_while_its_flow_is_a_process_of_this_project(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = [sys.executable, "-c", "input()", "flows.sample"]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for folder, state in ((elsewhere, "not made"), (project.root, "running")):
        with subprocess.Popen(words, cwd=folder, stdin=subprocess.PIPE) as process:
            assert states(project)["sample"] == state
            process.communicate(b"\n")
    assert states(project)["sample"] == "not made"


def test_a_dvc_yaml_that_is_none_gives_a_remedy(project: Project) -> None:
    (project.root / "dvc.yaml").write_text("stages: [")
    with pytest.raises(InputError, match="dvc dag"):
        Watcher(project).stages()


def test_the_page_tells_it_and_asks_again_for_its_part(project: Project) -> None:
    tell(project)
    app: Any = guarded(make_app(project), TOKEN, "127.0.0.1")
    client = TestClient(app, base_url="http://localhost")
    page = client.get(f"/{TOKEN}/watch").text
    for part in ("running", "50 of 200", "5 from the reply store", "3.5", "1,234", "$0.50",
                 "of $10", "http_429", "&lt;b&gt;late", 'hx-trigger="every 2s"'):  # fmt: skip
        assert part in page
    part = client.get(f"/{TOKEN}/watch", headers={"hx-request": "true"}).text
    assert part.startswith('<div id="stages"')
