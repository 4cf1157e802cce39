"""The stages `train` and `evaluate`, from a published version to figures."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import orjson
import pytest

from prefline.reward.models import read_trained
from prefline.simulator import SimulatedServer
from tests.flows.projects import make_project
from tests.flows.stages import finish, set_params, start

pytestmark = pytest.mark.timeout(240)

STAGES = ("sample", "generate", "judge", "pair", "validate", "publish", "train", "evaluate")


@pytest.fixture(scope="module")
def finished(provider: SimulatedServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose whole pipeline has run."""
    root = make_project(tmp_path_factory.mktemp("line") / "project", provider.base_url)
    for stage in STAGES:
        finish(root, stage)
    return root


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copytree(finished, tmp_path / "copy", symlinks=True))


def told(project: Path, stage: str) -> str:
    """What a stage says that ends with an error."""
    child = start(project, stage)
    out, said = child.communicate()
    assert child.returncode in (1, 2), (out, said)
    return said


def test_a_reward_head_is_trained_on_the_published_version(finished: Path) -> None:
    trained = read_trained(finished / "data/model")
    release = orjson.loads((finished / "data/release.json").read_bytes())

    assert trained.kind == "reward_head"
    assert {name: release[name] for name in trained.data} == trained.data
    assert trained.name.startswith("demo-1-reward_head-")
    assert "demo@1" in (finished / "data/model/README.md").read_text()
    with (finished / "data/model/curve.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(trained.recipe["ridges"])


def test_its_figures_stand_beside_those_of_rules_that_know_nothing(finished: Path) -> None:
    figures = orjson.loads((finished / "data/evaluation/metrics.json").read_bytes())
    overall = figures["pairs"]["held_out"]["overall"]

    assert figures["model"] == read_trained(finished / "data/model").name
    assert overall["accuracy"]["value"] > 0.5, "the embeddings carry the planted quality"
    assert {"longer_wins", "first_wins"} <= overall.keys()
    assert figures["best_of"]["n_prompts"] == 4
    summary = (finished / "data/evaluation/summary.txt").read_text()
    assert "held_out: right on" in summary


def test_loose_files_change_nothing(project: Path) -> None:
    before = read_trained(project / "data/model")
    shutil.rmtree(project / "data/preferences")
    finish(project, "train")

    assert read_trained(project / "data/model") == before


def test_a_version_that_is_not_there_is_told(project: Path) -> None:
    release = project / "data/release.json"
    note = orjson.loads(release.read_bytes())
    release.write_bytes(orjson.dumps(note | {"version": 9}))

    assert "has no version 9" in told(project, "train")
    release.unlink()
    assert "nothing has been published" in told(project, "train")


def test_a_version_of_other_content_is_not_trained_on(project: Path) -> None:
    release = project / "data/release.json"
    note = orjson.loads(release.read_bytes())
    release.write_bytes(orjson.dumps(note | {"content": "0" * 64}))

    assert "is another version than the one" in told(project, "train")


def test_people_s_labels_are_a_yardstick_too(project: Path) -> None:
    table = project / "data/imported/human/ours.jsonl"
    rows = [{"question": f"q{n}", "chosen": "right", "rejected": "wrong"} for n in range(6)]
    table.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    section = {"name": "ours", "path": "data/imported/human/ours.jsonl"}
    set_params(project, "evaluate", human=[section])
    assert "'prompt'" in told(project, "evaluate")

    set_params(project, "evaluate", human=[section | {"columns": {"prompt": "question"}}])
    finish(project, "evaluate")
    figures = orjson.loads((project / "data/evaluation/metrics.json").read_bytes())
    assert figures["pairs"]["human.ours"]["n_pairs"] == 6


def test_with_nothing_held_out_no_policy_is_tried_and_the_rest_is_measured(project: Path) -> None:
    set_params(project, "sample", hold_out={"share": 0.0})
    finish(project, "sample")
    finish(project, "evaluate")

    figures = orjson.loads((project / "data/evaluation/metrics.json").read_bytes())
    assert set(figures["pairs"]) == {"test"}
    assert "best_of" not in figures
    summary = (project / "data/evaluation/summary.txt").read_text()
    assert "not measured: picking among a policy's answers" in summary
