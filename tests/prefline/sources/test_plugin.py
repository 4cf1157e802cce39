"""A source of another package, by the recipe in CONTRIBUTING.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from prefline.config import read_params
from prefline.errors import ParamsError
from tasks.sample import metrics, sampling
from tests.prefline.config.temporary_package import install_package
from tests.recipes import recipe
from tests.tasks.sample.projects import project_at


@pytest.fixture(autouse=True)
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = {"counting": ("CountingSource", recipe("A source"))}
    install_package(tmp_path, monkeypatch, "prefline.sources", plugin)


def test_its_rows_are_sampled_and_their_origin_is_noted(tmp_path: Path) -> None:
    source = {"name": "numbers", "kind": "counting", "most": 3, "license": "CC0-1.0"}
    project = project_at(tmp_path / "project", sources=[source])
    params = read_params(project.params).sample

    with sampling(params, project.root) as sample:
        assert {(prompt.text, prompt.source, prompt.license) for prompt in sample.kept()} == {
            (f"Is {n} even?", "numbers", "CC0-1.0") for n in (1, 2, 3)
        }
        figures = metrics(sample.result, params)
        assert figures["sources"] == {"numbers": {"rows": 3, "drawn": 3, "most": 3}}
        assert figures["plugins"] == {"sources.counting": "prefline-test-plugins 1.2"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kind": "counting", "mots": 3}, r"sources\.0\.mots: unknown key; did you mean 'most'"),
        ({"kind": "counting", "most": 0}, r"sources\.0\.most: .*greater than or equal to 1, not 0"),
        ({"kind": "countin", "most": 1}, r"there is no source 'countin'\n.*mean 'counting'"),
    ],
)
def test_its_keys_are_checked_as_those_of_a_built_in_one(
    keys: dict[str, Any], message: str, tmp_path: Path
) -> None:
    project = project_at(tmp_path / "project", sources=[{"name": "numbers", **keys}])

    with pytest.raises(ParamsError, match=message):
        read_params(project.params)
