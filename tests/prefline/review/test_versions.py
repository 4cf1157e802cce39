"""A published version in the place of tables, and two of them beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from prefline.errors import VersionNotFound
from prefline.project import Project
from prefline.review.server import guarded, make_app
from prefline.review.version_diff import compare, latest_two
from tests.prefline.report.projects import save
from tests.prefline.review.material import TOKEN
from tests.tasks.publish.published import preferences_of, project_at, publish, set_preferences

BASE = f"http://localhost/{TOKEN}/browse"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two versions: of twelve pairs one went, one was turned round, one is surer, one moved."""
    project = project_at(tmp_path_factory.mktemp("versions"))
    publish(project)
    rows = sorted(preferences_of(project), key=lambda row: str(row["pair_id"]))
    turned = rows[1]
    for key in ("", "_id", "_model"):
        turned[f"chosen{key}"], turned[f"rejected{key}"] = (
            turned[f"rejected{key}"], turned[f"chosen{key}"],
        )  # fmt: skip
    rows[2]["p_chosen"] = 0.999
    rows[3]["label_source"] = "ai"
    set_preferences(project, rows[1:])
    publish(project)
    save(project, "preferences", [])
    return project


@pytest.fixture(scope="module")
def uri(project: Project) -> str:
    return f"{project.root}/store/demo"


def test_each_row_that_differs_is_told_once_by_its_kind(uri: str) -> None:
    diff = compare(f"{uri}@1", f"{uri}@2")
    assert {name: count for name, count in diff.counts.items() if count} == {
        "flipped": 1, "relabelled": 1, "p_changed": 1, "removed": 1,
    }  # fmt: skip
    assert diff.found.rows[0]["kind"] == "flipped"
    assert diff.found.total == 4
    assert all(row["text"] for row in diff.found.rows)
    assert compare(f"{uri}@2", f"{uri}@1").counts["added"] == 1
    only = compare(f"{uri}@1", f"{uri}@2", "p_changed")
    assert [row["new_p_chosen"] for row in only.found.rows] == [0.999]


def test_the_newest_two_versions_are_offered(project: Project, uri: str, tmp_path: Path) -> None:
    assert latest_two(project, "store", "demo") == (f"{uri}@1", f"{uri}@2")
    assert latest_two(project, "store", "other") == ("", "")


def test_a_version_that_is_not_there_is_said(uri: str) -> None:
    with pytest.raises(VersionNotFound):
        compare(f"{uri}@1", f"{uri}@9")


def test_the_pages_show_a_version_where_the_tables_are_empty(project: Project, uri: str) -> None:
    def client(version: str) -> TestClient:
        app: Any = guarded(make_app(project, version=version), TOKEN, "127.0.0.1")
        return TestClient(app, base_url="http://localhost")

    assert "0 preferences" in client("").get(BASE).text
    page = client(f"{uri}@1").get(BASE).text
    assert "12 preferences" in page
    assert "demo@1" in page
    link = page.split('class="says"><a href="')[1].split('"')[0]
    assert "over" in client(f"{uri}@1").get(f"http://localhost{link}").text
    page = client("").get(f"{BASE}/versions", params={"old": f"{uri}@1", "new": f"{uri}@2"}).text
    assert "4 rows of" in page
    assert f'value="{uri}@2"' in client("").get(f"{BASE}/versions").text
