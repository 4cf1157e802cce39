from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from flows.runtime.dvc import environment
from prefline.cli.app import app
from prefline.cli.trace import describe_in, trace_in
from prefline.errors import InputError, VersionNotFound
from prefline.project import Project
from prefline.releases.dvc_cache import past_files
from tests.prefline.report.projects import save
from tests.tasks.publish.published import (
    preferences_of,
    project_at,
    publish,
    rows_of,
    set_preferences,
)

TABLES = ("prompts", "responses", "judgments", "preferences", "rejections")
REJECTED = "rejected-pair"


def dvc(root: Path, *arguments: str) -> None:
    subprocess.run(["dvc", *arguments, "-q"], cwd=root, check=True, env=environment())


def keep(project: Project) -> dict[str, str]:
    """Let DVC keep the tables; the hash of each."""
    (project.root / ".dvc").mkdir()
    (project.root / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    dvc(project.root, "add", *(f"data/{name}" for name in TABLES))
    files = {name: project.root / f"data/{name}.dvc" for name in TABLES}
    return {
        name: yaml.safe_load(path.read_text())["outs"][0]["md5"] for name, path in files.items()
    }


def lock(project: Project, hashes: dict[str, str]) -> None:
    """Name the tables in `dvc.lock`, as the outs of stages."""
    stages = {
        name: {"cmd": "", "outs": [{"path": f"data/{name}", "md5": md5}]}
        for name, md5 in hashes.items()
    }
    (project.root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose version 1 is of other tables than it has now."""
    project = project_at(tmp_path_factory.mktemp("trace"))
    hashes = keep(project)
    lock(project, hashes)
    publish(project)
    set_preferences(project, preferences_of(project)[:3])
    for name in ("responses", "judgments"):
        save(project, name, [])
    changed = ("responses", "judgments", "preferences")
    lock(project, hashes | dict.fromkeys(changed, f"{'0' * 32}.dir"))
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("PREFLINE_CACHE", str(tmp_path / "cache"))
    shutil.copytree(made.root, tmp_path / "project")
    return Project(tmp_path / "project")


def uri(project: Project, version: int = 1) -> str:
    return f"{project.root}/store/demo@{version}"


def last_pair(project: Project) -> dict[str, Any]:
    """A pair that version 1 has and version 2 has not."""
    now = {row["pair_id"] for row in preferences_of(project)}
    from prefline.releases import locate, read_manifest

    rows = rows_of(project, read_manifest(locate(uri(project)))).to_pylist()
    return next(row for row in rows if row["pair_id"] not in now)


def test_a_row_of_an_old_version_is_told_with_the_tables_of_its_time(project: Project) -> None:
    row = last_pair(project)
    found = trace_in(uri(project), row["pair_id"], project)

    assert found["rows"] == [row]
    assert found["missing"] == []
    assert {one["response_id"] for one in found["history"]["responses"]} == {
        row["chosen_id"], row["rejected_id"],
    }  # fmt: skip
    assert len(found["history"]["judgments"]) == 3
    text = describe_in(found)
    assert f"version   {uri(project)}" in text
    assert f"row       {row['pair_id']}, p" in text
    assert "judgment  verifier" in text


def test_a_response_and_a_prompt_are_found_too(project: Project) -> None:
    row = last_pair(project)
    for name in ("chosen_id", "rejected_id", "prompt_id"):
        found = trace_in(uri(project), row[name], project)
        assert [one["pair_id"] for one in found["rows"]] == [row["pair_id"]]


def test_what_was_rejected_is_found_in_the_tables(project: Project) -> None:
    import pyarrow.parquet as pq

    (path,) = project.table("rejections").glob("*.parquet")
    identity = pq.read_table(path)["id"][0].as_py()
    found = trace_in(uri(project), identity, project)

    assert found["rows"] == []
    assert found["history"]["rejections"][0]["reason"]
    assert "rejected  by pair" in describe_in(found)


def test_what_is_not_in_the_cache_is_said_with_what_to_do(project: Project) -> None:
    row = last_pair(project)
    shutil.rmtree(project.root / ".dvc" / "cache")
    found = trace_in(uri(project), row["pair_id"], project)

    # Prompts and rejections are what they were, so the workspace has them.
    assert [one.partition(" ")[0] for one in found["missing"]] == [
        "data/responses", "data/judgments", "data/preferences",
    ]  # fmt: skip
    assert all("dvc fetch --all-commits" in one for one in found["missing"])
    assert found["rows"] == [row]
    assert "missing   data/responses as it was then" in describe_in(found)


def test_outside_of_a_project_the_version_s_own_word_is_told(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = last_pair(project)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["trace", row["pair_id"], "--in", uri(project), "--json"])
    found = json.loads(done.stdout)

    assert found["rows"] == [row]
    assert found["lineage"]["judges"] == ["big", "verifier"]
    assert found["missing"] == ["for its history run this in a clone of the project that made it"]
    text = CliRunner().invoke(app, ["trace", row["pair_id"], "--in", uri(project)]).stdout
    assert "judged by big, verifier" in text


def test_an_id_that_nothing_holds_is_refused(project: Project) -> None:
    with pytest.raises(InputError, match="hold the id 'nothing'"):
        trace_in(uri(project), "nothing", project)
    with pytest.raises(VersionNotFound):
        trace_in(uri(project, 9), "nothing", project)


def test_a_cache_elsewhere_is_found_by_dvc_s_configuration(project: Project) -> None:
    shutil.move(project.root / ".dvc/cache", project.root / "elsewhere")
    assert trace_in(uri(project), last_pair(project)["pair_id"], project)["missing"] != []
    (project.root / ".dvc/config.local").write_text("[cache]\n    dir = ../elsewhere\n")

    assert trace_in(uri(project), last_pair(project)["pair_id"], project)["missing"] == []


def test_a_single_file_is_found_under_its_hash(tmp_path: Path) -> None:
    kept = tmp_path / ".dvc/cache/files/md5/ab/cdef"
    kept.parent.mkdir(parents=True)
    kept.write_text("x")

    assert past_files(tmp_path, "data/rejections/part-00000.parquet", "abcdef") == [kept]
    assert past_files(tmp_path, "data/rejections/part-00000.parquet", "abcdee") is None
