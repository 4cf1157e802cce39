"""`prefline report`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prefline.cli.app import app
from prefline.project import Project


@pytest.fixture(autouse=True)
def _inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)


@pytest.mark.usefixtures("_undrawn")
def test_it_writes_the_page_where_it_is_told(project: Project, tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    done = CliRunner().invoke(app, ["report", "--output", str(page)])
    assert done.exit_code == 0
    assert str(page) in done.stdout
    assert page.read_text().startswith("<!doctype html>")
    assert not project.report.exists()


@pytest.mark.usefixtures("_undrawn")
def test_json_holds_the_facts_of_the_page(project: Project) -> None:
    done = CliRunner().invoke(app, ["report", "--json"])
    facts = json.loads(done.stdout)
    assert facts["path"] == str(project.report)
    assert project.report.is_file()
    assert facts["answer"]["word"] == "with care"
    assert facts["counts"]["preferences"] == 12
    assert facts["label_sources"] == {"verifier": 12}
    assert facts["judges"][0]["word"] == "at chance"
    assert len(facts["examples"]) == 12
