from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from flows.runtime.dvc import environment
from prefline.simulator import SimulatedServer
from prefline.tables import read_table
from tests.flows.projects import ROOT, make_project, run_dvc, run_module
from tests.flows.stages import finish, set_params
from tests.forked import command as forked

pytestmark = pytest.mark.timeout(240)

TABLES = ("prompts", "responses", "judgments", "preferences", "rejections")


# `prefect`, in a fork: its settings were made when it was imported.
PREFECT = """
import os
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.cli import app
with temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}):
    app()
"""
EVALUATION_SET = "data/imported/benchmarks/questions.jsonl"


def bytes_of(project: Path) -> dict[str, bytes]:
    """Every Parquet file of the tables."""
    return {
        str(path.relative_to(project)): path.read_bytes()
        for table in TABLES
        for path in sorted((project / "data" / table).glob("*.parquet"))
    }


def ask(api: str, path: str, body: dict[str, Any]) -> Any:
    """What Prefect's API answers."""
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{api}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.loads(answer.read())


@pytest.fixture(scope="module")
def made(
    prefect_api: str, provider: SimulatedServer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A project in which `dvc repro` was run once, its first stage as the process that a user
    starts."""
    project = make_project(tmp_path_factory.mktemp("made") / "project", provider.base_url)
    shutil.copy(project / "data/bundled/prompts.jsonl", project / EVALUATION_SET)
    for forks, target in ((False, ["sample"]), (True, [])):
        done = run_dvc(project, "repro", *target, api=prefect_api, forks=forks)
        assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_dvc_repro_alone_publishes_a_version(made: Path) -> None:
    release = json.loads((made / "data/release.json").read_text())
    manifest = json.loads((made / "store/demo/versions/000001/manifest.json").read_text())

    assert release["version"] == manifest["version"] == 1
    assert sum(release["rows"].values()) >= 5
    assert manifest["lineage"]["models"] == ["sim-strong"]
    assert set(manifest["lineage"]["dvc_lock"]) >= {"sample", "generate", "judge", "pair"}


def test_every_offered_item_ends_in_its_table_or_in_rejections(made: Path) -> None:
    tables = {
        name: [
            row
            for part in sorted((made / "data" / name).glob("part-*.parquet"))
            for row in pq.ParquetFile(part).read().to_pylist()
        ]
        for name in TABLES
    }
    rejected = {(row["stage"], row["id"]) for row in tables["rejections"]}
    preferred = {row["pair_id"] for row in tables["preferences"]}
    per_prompt = 4 * 3 // 2
    at_judge = {identity for stage, identity in rejected if stage == "judge"}
    at_pair = {identity for stage, identity in rejected if stage == "pair"}

    assert len(tables["prompts"]) == 12
    assert len(tables["responses"]) == 48
    assert len(preferred) + len(at_judge) + len(at_pair) == 12 * per_prompt
    assert not preferred & (at_judge | at_pair)


def test_the_folder_of_a_table_holds_parquet_alone_and_pandas_reads_it(made: Path) -> None:
    for name in TABLES:
        folder = made / "data" / name
        files = [path for path in folder.iterdir() if not path.name.startswith(".")]
        assert {path.suffix for path in files} == {".parquet"}
        rows = sum(pq.ParquetFile(path).metadata.num_rows for path in files)
        assert len(pd.read_parquet(folder)) == rows


def test_a_forced_second_run_calls_no_model_and_gives_the_same_bytes(
    made: Path, prefect_api: str, provider: SimulatedServer
) -> None:
    before, seen = bytes_of(made), provider.stats().requests
    done = run_dvc(made, "repro", "--force", "--single-item", "generate", api=prefect_api)

    assert done.returncode == 0, done.stdout + done.stderr
    assert provider.stats().requests == seen
    assert bytes_of(made) == before


def test_another_clone_gives_the_same_bytes_and_version_content(
    made: Path, provider: SimulatedServer, project_folder: Path
) -> None:
    other = make_project(project_folder, provider.base_url, engine={"max_in_flight": 3})
    for stage in ("sample", "generate", "judge", "pair"):
        finish(other, stage)
    assert bytes_of(other) == bytes_of(made)
    # It is of files with these hashes, or `publish` would refuse it.
    shutil.copytree(made / "data/validation", other / "data/validation")
    finish(other, "publish")

    contents = [
        json.loads((project / "data/release.json").read_text())["content"]
        for project in (made, other)
    ]
    assert contents[0] == contents[1]


def test_what_must_hold_and_does_not_fails_dvc_repro_and_the_run_and_nothing_is_published(
    made: Path, prefect_api: str, project_folder: Path
) -> None:
    project = shutil.copytree(made, project_folder)
    # All that was drawn is in it. The pipeline would go on to publish a data set of another name.
    set_params(project, "validate", benchmarks=[{"path": EVALUATION_SET}])
    set_params(project, "publish", dataset="leaked")
    drawn = read_table(project / "data/prompts")["prompt_id"].to_pylist()
    done = run_dvc(project, "repro", api=prefect_api)
    # The server has runs of other projects too.
    failed = ask(prefect_api, "flow_runs/filter", {
        "flows": {"name": {"any_": ["validate"]}},
        "flow_runs": {"state": {"type": {"any_": ["FAILED"]}}},
    })  # fmt: skip

    assert done.returncode != 0
    assert "failed to reproduce 'validate'" in done.stderr
    expected = (
        "prompts: expect_column_values_to_be_null(leaks): no prompt is in an evaluation set",
        "not so for 12 of 12: " + ", ".join(f"{one} (" for one in drawn[:1]),
        *drawn[:5],
    )
    for word in (*expected, "remedy: prompts: name the set under sample.filters.benchmarks too"):
        assert word in done.stderr, done.stderr
    messages = {run["state"]["message"] or "" for run in failed}
    (said,) = (one for one in messages if expected[0] in one)
    assert all(word in said for word in expected), said
    assert drawn[5] not in done.stderr
    assert not (project / "store/leaked").exists()
    assert json.loads((project / "data/release.json").read_text())["dataset"] == "demo"


def test_there_is_nothing_to_do_after_a_run_and_no_server_is_started_for_it(made: Path) -> None:
    done = run_module(made, "flows.pipeline", api=None)

    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stdout
    assert "Label quality" in done.stdout
    assert not (made / ".prefline" / "prefect").exists()


def test_the_scheduled_deployment_runs_on_a_worker_as_the_docs_say(
    made: Path, prefect_api: str
) -> None:
    # The stages have run already: what is tried here is all that is around them.
    shutil.copy(ROOT / "prefect.yaml", made)
    params = yaml.safe_load((made / "params.yaml").read_text())
    params["pipeline"] = {"push": True, "commit_branch": "runs"}
    (made / "params.yaml").write_text(yaml.safe_dump(params))
    variables = environment() | {"PREFECT_API_URL": prefect_api, "PREFLINE_HOME": str(made)}

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=made, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("git", "config", "user.name", "tests")
    run("git", "config", "user.email", "tests@localhost")
    run("git", "commit", "--quiet", "--allow-empty", "--message", "first")
    prefect = (*forked("-c", PREFECT), "--no-prompt")
    run(*prefect, "work-pool", "create", "prefline", "--type", "process")
    run(*prefect, "deploy", "--all")
    run(*prefect, "deployment", "run", "pipeline/nightly")
    run(*prefect, "worker", "start", "--pool", "prefline", "--run-once")

    (found,) = ask(prefect_api, "flow_runs/filter", {"flows": {"name": {"any_": ["pipeline"]}}})
    artifacts = ask(prefect_api, "artifacts/filter", {})
    assert found["state_type"] == "COMPLETED", found["state"]
    assert {"figures", "report", "data-docs", "version", "generate-progress", "judge-progress"} <= {
        one["key"] for one in artifacts
    }
    assert (made / "report.html").stat().st_size > 10_000
    assert any((made / "store" / "dvc").rglob("*"))
    assert "demo@1" in run("git", "log", "-1", "--format=%s", "runs")
    assert run("git", "rev-parse", "demo@1^{commit}") == run("git", "rev-parse", "runs")
