"""Every judging method in one run of the pipeline."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from flows.runtime.estimate import estimate
from prefline.config.judge import METHODS
from prefline.project import Project
from prefline.simulator import SimulatedServer
from prefline.simulator.rewards import REWARDER
from prefline.tables import read_table
from tests.flows.projects import make_project, with_prompts
from tests.flows.stages import finish

pytestmark = pytest.mark.timeout(180)


def judges(url: str) -> list[dict[str, object]]:
    endpoint = {"base_url": url, "model": "sim-judge"}
    # A reward model is judged with once there is one: tests/tasks/judge/methods has its tests.
    asking = set(METHODS.names()) - {"verifier", "imported", "reward_model", "served_reward"}
    return [
        {"name": "verifier", "method": "verifier"},
        *({"name": name, "method": name, "endpoint": endpoint} for name in sorted(asking)),
        {
            "name": "served",
            "method": "served_reward",
            "api": "pooling",
            "endpoint": {"base_url": url, "model": REWARDER},
        },
        {"name": "people", "method": "imported", "path": "data/imported/judgments/people.jsonl"},
    ]


def test_all_methods_judge_the_same_pairs_and_a_second_run_buys_nothing(
    provider: SimulatedServer, project_folder: Path
) -> None:
    section = {"judges": judges(provider.base_url), "pairs_per_prompt": 2}
    project = with_prompts(make_project(project_folder, provider.base_url, judge=section))
    finish(project, "generate")
    a, b = imported_pair(project)
    row = {"first_id": a, "second_id": b, "verdict": "second"}
    people = project / "data" / "imported" / "judgments" / "people.jsonl"
    people.write_bytes(orjson.dumps(row) + b"\n")
    finish(project, "judge")
    first = (project / "data" / "judgments" / "part-00000.parquet").read_bytes()
    rows = read_table(project / "data" / "judgments").to_pylist()
    seen = provider.stats().requests
    finish(project, "judge")

    assert provider.stats().requests == seen
    assert (project / "data" / "judgments" / "part-00000.parquet").read_bytes() == first
    assert len({one["judgment_id"] for one in rows}) == len(rows)
    counts = Counter(one["method"] for one in rows)
    pairs = 12 * 2
    assert counts["pairwise"] == counts["reasoned"] == counts["constitution"] == 2 * pairs
    assert counts["verifier"] == counts["served_reward"] == pairs
    assert counts["generative_reward"] == 2 * pairs
    assert counts["imported"] <= 1
    assert all(one["principle"] for one in rows if one["method"] == "constitution")
    assert counts["checklist"] > pairs  # a verdict for each criterion
    rubrics = read_table(project / "data" / "rubrics").to_pylist()
    assert {one["origin"] for one in rubrics} == {"model"}
    assert {one["prompt_id"] for one in rubrics} == {one["prompt_id"] for one in rows}
    finish(project, "pair")
    assert read_table(project / "data" / "preferences").num_rows > 0


def test_who_writes_criteria_is_estimated_beside_who_grades(project_folder: Path) -> None:
    url = "http://127.0.0.1:9/v1"
    judge = {
        "name": "checklist", "method": "checklist",
        "endpoint": {"base_url": url, "model": "sim-judge"},
        "writer": {"base_url": url, "model": "sim-strong"},
    }  # fmt: skip
    project = with_prompts(make_project(project_folder, url, judge={"judges": [judge]}))

    found = {one.model: one.calls for one in estimate(Project(project)) if one.stage == "judge"}

    assert found == {"sim-strong": 12, "sim-judge": 12 * 4}


def imported_pair(project: Path) -> tuple[str, str]:
    """Two responses to one prompt."""
    rows = read_table(project / "data" / "responses").to_pylist()
    return rows[0]["response_id"], rows[1]["response_id"]
