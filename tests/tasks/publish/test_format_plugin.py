"""A publish format of another package, as CONTRIBUTING.md tells to write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefline.config import read_params
from prefline.errors import ParamsError
from tests.prefline.config.temporary_package import install_package
from tests.recipes import recipe
from tests.tasks.publish.published import card_text, preferences_of, project_at, publish, rows_of


def test_the_recipe_gives_a_format_that_is_published_and_told_on_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = recipe("A publish format")
    install_package(tmp_path, monkeypatch, "prefline.formats", {"chosen": ("CHOSEN", code)})
    project = project_at(tmp_path / "project", formats=["chosen"])
    release = publish(project)
    rows = rows_of(project, release.manifest, "chosen").to_pylist()

    assert release.manifest.formats == ["preference", "chosen"]
    assert {row["pair_id"]: row["chosen"] for row in rows} == {
        row["pair_id"]: row["chosen"] for row in preferences_of(project)
    }
    assert "the better answers alone" in card_text(project)


def test_a_format_that_nobody_declares_is_refused_with_those_that_somebody_does(
    tmp_path: Path,
) -> None:
    project = project_at(tmp_path, formats=["preference", "koto"])

    with pytest.raises(ParamsError, match="publish format 'koto'; did you mean 'kto'"):
        read_params(project.params)
