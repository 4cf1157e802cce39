"""A trainer of another package, added as CONTRIBUTING.md describes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import flows.train as flow
from prefline.config import read_params
from prefline.config.learning import TRAINERS
from prefline.errors import ParamsError
from prefline.project import Project
from prefline.reward.models import read_trained
from tests.prefline.config.temporary_package import install_package
from tests.recipes import recipe
from tests.tasks.publish.published import project_at, publish


def set_train(project: Project, **section: object) -> None:
    params = yaml.safe_load(project.params.read_text())
    project.params.write_text(yaml.safe_dump(params | {"train": section}))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A published project, in a process that has the recipe's package installed."""
    code = recipe("A trainer")
    install_package(tmp_path, monkeypatch, "prefline.trainers", {"unigram": ("UNIGRAM", code)})
    project = project_at(tmp_path / "project")
    release = publish(project)
    note = {"store": "store", "dataset": "demo", "version": release.manifest.version}
    content = release.manifest.content
    project.release.write_text(json.dumps(note | {"content": content}))
    monkeypatch.chdir(project.root)
    monkeypatch.setattr(flow, "as_task", lambda function: function)
    yield project
    TRAINERS._loaded.pop("unigram", None)


def test_the_stage_trains_by_a_trainer_of_another_package(project: Project) -> None:
    set_train(project, method="unigram", min_count=1)
    flow.train.fn()
    trained = read_trained(project.table("model"))

    assert trained.kind == "policy"
    assert trained.name.startswith("demo-1-unigram-")
    assert trained.recipe["min_count"] == 1
    words = json.loads((project.table("model") / "unigram.json").read_text())
    assert trained.figures == {"words": len(words)}
    card = (project.table("model") / "README.md").read_text()
    assert "Word counts of the better answers." in card
    assert "- min_count: `1`" in card


def test_its_params_are_checked_by_its_own_declaration(project: Project) -> None:
    set_train(project, method="unigram", min_cuont=1)
    with pytest.raises(
        ParamsError, match=r"train\.min_cuont: unknown key; did you mean 'min_count'"
    ):
        read_params(project.params)

    set_train(project, method="unigram", min_count=0)
    with pytest.raises(ParamsError, match=r"train\.min_count: .*greater than or equal to 1"):
        read_params(project.params)


def test_an_unknown_trainer_names_the_nearest(project: Project) -> None:
    set_train(project, method="unigramm")
    with pytest.raises(ParamsError, match="unknown 'unigramm'; did you mean 'unigram'"):
        read_params(project.params)
