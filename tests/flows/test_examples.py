"""The projects under `examples/`, run as their pages say, but without Prefect and without what
validates tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq

from prefline.project import Project
from tests.flows.projects import ROOT, make_project
from tests.flows.stages import finish
from tests.prefline.report.projects import save_json
from tests.tasks.publish.published import publish, rows_of, validated

EXAMPLES = ROOT / "examples"


def test_human_pairs_are_published_for_two_trainers(tmp_path: Path) -> None:
    example = EXAMPLES / "human-pairs"
    root = make_project(tmp_path / "project", "http://127.0.0.1:9/v1")
    shutil.copy(example / "params.yaml", root / "params.yaml")
    shutil.copy(example / "pairs.jsonl", root / "data" / "imported" / "sets" / "pairs.jsonl")
    for stage in ("sample", "generate", "judge", "pair"):
        finish(root, stage)
    project = Project(root)
    save_json(
        project.table("validation") / "results.json",
        {"passed": True, "n_failed": 0, "n_warnings": 0, "expectations": []},
    )
    validated(project)
    manifest = publish(project).manifest

    preferences = pq.read_table(project.table("preferences"))
    assert preferences.num_rows == 16
    assert set(preferences["label_source"].to_pylist()) == {"imported"}
    for row in rows_of(project, manifest, "llama_factory").to_pylist():
        assert row["chosen"]["value"] != row["rejected"]["value"]
    assert rows_of(project, manifest, "openrlhf").num_rows == 16
