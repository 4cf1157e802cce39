"""The projects under `examples/`, run as their pages say, but without Prefect and without what
validates tables."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from prefline.config import read_params
from prefline.project import Project
from prefline.tables import StoredTable
from prefline.tables.turns import published_rows
from tasks.validate import schemas
from tests.flows.projects import ROOT, make_project
from tests.flows.stages import finish
from tests.prefline.report.projects import save_json
from tests.tasks.publish.published import publish, rows_of, validated

EXAMPLES = ROOT / "examples"


def run_example(name: str, tmp_path: Path, **files: str) -> Project:
    """Run the example's stages up to `pair`; `files` are its files, and the folder of each below
    data/imported."""
    root = make_project(tmp_path / "project", "http://127.0.0.1:9/v1")
    shutil.copy(EXAMPLES / name / "params.yaml", root / "params.yaml")
    for file, folder in files.items():
        shutil.copy(EXAMPLES / name / f"{file}.jsonl", root / "data" / "imported" / folder)
    for stage in ("sample", "generate", "judge", "pair"):
        finish(root, stage)
    project = Project(root)
    save_json(
        project.table("validation") / "results.json",
        {"passed": True, "n_failed": 0, "n_warnings": 0, "expectations": []},
    )
    validated(project)
    return project


def test_trajectories_are_labelled_by_their_calls_and_published_with_them(tmp_path: Path) -> None:
    project = run_example(
        "tools", tmp_path, prompts="prompts", responses="responses", verdicts="judgments"
    )
    tables = ("prompts", "held_out", "drawn", "responses", "judgments", "preferences")
    others = ("rejections", "anchors", "answers")
    stored = {name: StoredTable(project.table(name)) for name in (*tables, *others)}
    faults = schemas.schemas_table({**stored, "review": stored["preferences"]})
    manifest = publish(project).manifest
    rows = published_rows(rows_of(project, manifest, "preference"))
    by_question = {row["prompt"][-1]["content"]: row for row in rows}

    found = dict(zip(*(column.to_pylist() for column in faults.columns), strict=True))
    assert not [name for name, fault in found.items() if fault and not name.startswith("review")]
    assert len(rows) == 9
    assert {row["chosen_model"] for row in rows} == {"agent-a"}
    sources = Counter(row["label_source"] for row in rows)
    assert sources == {"verifier": 7, "imported": 2}
    umbrella = by_question["Will I need an umbrella in Bergen tomorrow?"]
    first, result, last = umbrella["chosen"]
    assert first["tool_calls"][0]["function"] == {
        "name": "weather", "arguments": {"city": "Bergen", "days": 1}
    }  # fmt: skip
    assert (result["role"], result["content"]) == ("tool", "rain, 9 degrees")
    assert last == {"role": "assistant", "content": "Yes, rain is forecast."}
    assert [tool["function"]["name"] for tool in umbrella["tools"]] == [
        "weather", "convert", "find_order"
    ]  # fmt: skip
    plain = by_question["Say hello."]
    assert (plain["chosen"], plain["tools"]) == ([{"role": "assistant", "content": "Hello."}], None)
    assert rows_of(project, manifest, "kto").num_rows == 18


def test_human_pairs_are_published_for_two_trainers(tmp_path: Path) -> None:
    project = run_example("human-pairs", tmp_path, pairs="sets")
    manifest = publish(project).manifest

    preferences = pq.read_table(project.table("preferences"))
    assert preferences.num_rows == 16
    assert set(preferences["label_source"].to_pylist()) == {"imported"}
    for row in rows_of(project, manifest, "llama_factory").to_pylist():
        assert row["chosen"]["value"] != row["rejected"]["value"]
    assert rows_of(project, manifest, "openrlhf").num_rows == 16


def test_reward_judges_are_params_of_a_run(tmp_path: Path) -> None:
    """What they judge is tried with all methods together: tests/flows/test_methods.py."""
    shutil.copy(EXAMPLES / "reward-judges" / "params.yaml", tmp_path / "params.yaml")
    judges = read_params(tmp_path / "params.yaml").judge.judges

    assert [judge.method for judge in judges] == ["served_reward", "generative_reward"]
