from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from prefline.simulate import SimulatedServer
from tests.flows.projects import make_project, run_all_stages, run_module

pytestmark = pytest.mark.timeout(240)

TABLES = ("prompts", "responses", "judgments", "preferences", "rejections")


def bytes_of(project: Path) -> dict[str, bytes]:
    """Every Parquet file of the tables."""
    return {
        str(path.relative_to(project)): path.read_bytes()
        for table in TABLES
        for path in sorted((project / "data" / table).glob("*.parquet"))
    }


@pytest.fixture(scope="module")
def line(
    prefect_api: str, provider: SimulatedServer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A project in which `dvc repro` was run once."""
    project = make_project(tmp_path_factory.mktemp("line") / "project", provider.base_url)
    done = run_module(project, "dvc repro", api=prefect_api)
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_dvc_repro_alone_publishes_a_version(line: Path) -> None:
    release = json.loads((line / "data/release.json").read_text())
    manifest = json.loads((line / "store/demo/versions/000001/manifest.json").read_text())

    assert release["version"] == manifest["version"] == 1
    assert sum(release["rows"].values()) >= 5
    assert manifest["lineage"]["models"] == ["sim-strong"]
    assert set(manifest["lineage"]["dvc_lock"]) >= {"sample", "generate", "judge", "pair"}


def test_every_offered_item_ends_in_its_table_or_in_rejections(line: Path) -> None:
    tables = {
        name: [
            row
            for part in sorted((line / "data" / name).glob("part-*.parquet"))
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


def test_a_forced_second_run_calls_no_model_and_gives_the_same_bytes(
    line: Path, prefect_api: str, provider: SimulatedServer
) -> None:
    before, seen = bytes_of(line), provider.stats().requests
    shutil.rmtree(line / ".dvc" / "cache")
    done = run_module(line, "dvc repro --force --single-item generate", api=prefect_api)

    assert done.returncode == 0, done.stdout + done.stderr
    assert provider.stats().requests == seen
    assert bytes_of(line) == before


def test_another_clone_gives_the_same_bytes_and_version_content(
    line: Path, prefect_api: str, provider: SimulatedServer, project_folder: Path
) -> None:
    other = make_project(project_folder, provider.base_url, engine={"max_in_flight": 3})
    done = run_all_stages(other, prefect_api)

    assert done.returncode == 0, done.stdout + done.stderr
    assert bytes_of(other) == bytes_of(line)
    contents = [
        json.loads((project / "data/release.json").read_text())["content"]
        for project in (line, other)
    ]
    assert contents[0] == contents[1]


def test_there_is_nothing_to_do_after_a_run_and_no_server_is_started_for_it(line: Path) -> None:
    done = run_module(line, "flows.pipeline", api=None)

    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stdout
    assert "Label quality" in done.stdout
    assert not (line / ".prefline" / "prefect").exists()
