from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.runtime.lineage_events import lineage_events
from prefline.errors import ValidationFailed
from prefline.project import Project
from tests.flows.projects import ROOT
from tests.loopback import Answered, Asked, loopback_server
from tests.prefline.report.projects import empty_project, save_json

SECRET = "not-for-a-catalogue"


class Catalogue:
    """What a server for events was sent."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.status = 201

    def answer(self, asked: Asked) -> Answered:
        assert asked.path == "/api/v1/lineage"
        self.events.append(json.loads(asked.body))
        return Answered(self.status, b"")

    @property
    def states(self) -> list[str]:
        return [one["eventType"] for one in self.events]


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    found = Catalogue()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with loopback_server(found.answer) as url:
        monkeypatch.setenv("OPENLINEAGE_URL", url.removesuffix("/v1"))
        yield found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = empty_project(tmp_path)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    return made


def names(of: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(one["namespace"], one["name"]) for one in of]


def test_a_stage_that_ends_well_tells_what_it_read_and_wrote(
    project: Project, catalogue: Catalogue
) -> None:
    with lineage_events(project, "pair"):
        assert catalogue.states == ["START"]
    start, end = catalogue.events

    assert end["eventType"] == "COMPLETE"
    assert start["run"]["runId"] == end["run"]["runId"]
    assert (end["job"]["namespace"], end["job"]["name"]) == ("prefline", "demo.pair")
    assert ("file", str(project.root / "data/judgments")) in names(end["inputs"])
    assert ("file", str(project.root / "data/preferences")) in names(end["outputs"])
    assert ("file", str(project.root / "data/metrics/pair.json")) in names(end["outputs"])
    assert not any("tasks" in name for _, name in names(end["inputs"]))


def test_publish_tells_the_version_once_it_is_there(project: Project, catalogue: Catalogue) -> None:
    with lineage_events(project, "publish"):
        save_json(project.release, {"store": "s3://team/prefs", "dataset": "demo", "version": 7})
    start, end = catalogue.events

    assert ("s3://team/prefs", "demo@7") in names(end["outputs"])
    assert ("s3://team/prefs", "demo@7") not in names(start["outputs"])


def test_a_failure_of_the_run_is_told_with_its_message(
    project: Project, catalogue: Catalogue
) -> None:
    with pytest.raises(ValidationFailed), lineage_events(project, "validate"):
        raise ValidationFailed("two do not hold", "mend them")

    assert catalogue.states == ["START", "FAIL"]
    assert "two do not hold" in catalogue.events[1]["run"]["facets"]["errorMessage"]["message"]


def test_any_other_error_is_told_without_what_it_says(
    project: Project, catalogue: Catalogue
) -> None:
    with pytest.raises(RuntimeError), lineage_events(project, "judge"):
        raise RuntimeError(SECRET)

    assert catalogue.states == ["START", "FAIL"]
    assert SECRET not in json.dumps(catalogue.events)


def test_an_interrupt_is_told_as_one(project: Project, catalogue: Catalogue) -> None:
    with pytest.raises(KeyboardInterrupt), lineage_events(project, "judge"):
        raise KeyboardInterrupt

    assert catalogue.states == ["START", "ABORT"]


def test_a_catalogue_that_refuses_costs_no_run(
    project: Project, catalogue: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue.status = 400
    done = []
    with lineage_events(project, "pair"):
        done.append("pair")

    assert done == ["pair"]
    assert "the event START of pair was not taken" in capsys.readouterr().err


@pytest.mark.parametrize("variable", ["OPENLINEAGE_URL", "OPENLINEAGE_DISABLED"])
def test_nothing_is_told_where_nobody_asks_for_it(
    project: Project, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    if variable == "OPENLINEAGE_URL":
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, "true")
    with lineage_events(project, "pair"):
        pass

    assert catalogue.events == []
