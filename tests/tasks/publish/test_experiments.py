"""`dvc exp run` publishes nothing that others read, unless params say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import flows.publish as flow
from flows.pipeline import is_of_an_experiment
from prefline.config import read_params
from prefline.errors import TableError
from prefline.project import Project
from prefline.releases import list_versions
from prefline.reward.version import read_version
from prefline.storage import open_store
from tests.tasks.publish.published import project_at, set_params


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that has been validated, in a process of `dvc exp run`."""
    project = project_at(tmp_path / "project")
    monkeypatch.chdir(project.root)
    monkeypatch.setattr(flow, "as_task", lambda function: function)
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "f" * 40)
    return project


def test_an_experiment_publishes_for_itself_alone_and_its_later_stages_read_that(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flow.publish.fn()

    assert not (project.root / "store").exists()
    assert "an experiment, so nothing is in the store of params" in capsys.readouterr().out
    params = read_params(project.params).publish
    assert read_version(project, params).data["version"] == 1

    # Applied to the workspace it is not taken for published.
    monkeypatch.delenv("DVC_EXP_BASELINE_REV")
    assert is_of_an_experiment(project)
    with pytest.raises(TableError, match="published for itself alone"):
        read_version(project, params)
    flow.publish.fn()
    assert not is_of_an_experiment(project)
    assert list_versions(open_store(str(project.root / "store")), "demo") == [1]


def test_an_experiment_publishes_as_any_run_where_params_say_so(project: Project) -> None:
    set_params(project, publish={"experiments": "publish"})
    flow.publish.fn()

    assert json.loads(project.release.read_text())["store"] == "store"
    assert list_versions(open_store(str(project.root / "store")), "demo") == [1]
