"""A filter of another package, by the recipe in CONTRIBUTING.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from prefline.config import read_params
from prefline.errors import ParamsError
from prefline.project import Project
from tasks.sample import metrics, sampling
from tests.prefline.config.temporary_package import install_package
from tests.recipes import recipe
from tests.tasks.sample.projects import project_at


@pytest.fixture(autouse=True)
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = {"shouting": ("ShoutingFilter", recipe("A filter"))}
    install_package(tmp_path, monkeypatch, "prefline.filters", plugin)


def with_filters(folder: Path, **filters: Any) -> Project:
    project = project_at(folder, sources=[{"name": "s", "path": "p.csv"}], filters=filters)
    (folder / "p.csv").write_text("prompt\nWHY NOT\nWhy Not\nwhy?\n")
    return project


def test_it_rejects_prompts_for_its_reason_and_is_named_in_the_metrics(tmp_path: Path) -> None:
    project = with_filters(tmp_path / "project", shouting={"max_share": 0.3})
    params = read_params(project.params).sample

    with sampling(params, project.root) as sample:
        assert [prompt.text for prompt in sample.kept()] == ["why?"]
        rejections = {row.reason: row.detail for row in sample.rejected()}
        assert rejections["shouting"].startswith(("33% capitals", "100% capitals"))
        assert sample.result.rejected["shouting"] == 2
        assert metrics(sample.result, params)["plugins"] == {
            "filters.shouting": "prefline-test-plugins 1.2"
        }


def test_params_that_do_not_name_it_do_not_run_it(tmp_path: Path) -> None:
    project = with_filters(tmp_path / "project", near_duplicates=None)
    params = read_params(project.params).sample

    with sampling(params, project.root) as sample:
        assert sample.result.rejected == {"duplicate": 1}
        assert "plugins" not in metrics(sample.result, params)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (
            {"shouting": {"max_shar": 1}},
            r"shouting\.max_shar: unknown key; did you mean 'max_share'",
        ),
        ({"shoutin": {}}, r"shoutin: unknown key; did you mean 'shouting'"),
        ({"shouting": {"max_share": 2}}, r"shouting\.max_share: .*less than or equal to 1, not 2"),
    ],
)
def test_its_params_are_checked_as_those_of_a_built_in_one(
    filters: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ParamsError, match=message):
        read_params(with_filters(tmp_path / "project", **filters).params)
