"""What the tests of the report share."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefline.project import Project
from tests.prefline.report.projects import full_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose every table and metric is made."""
    return full_project(tmp_path / "project")


@pytest.fixture
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without plots, for tests of what is written: drawing takes a second a page."""
    monkeypatch.setattr("prefline.report.page.draw_plots", lambda _: {})
