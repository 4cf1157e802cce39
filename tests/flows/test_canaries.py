"""Pairs of planted truth beside a run's own, from the stage `judge` to the preferences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from prefline.simulator import SimulatedServer
from prefline.tables import read_table
from tests.flows.projects import make_project, with_prompts
from tests.flows.stages import finish

pytestmark = pytest.mark.timeout(180)
N = 24


def rows_of(project: Path, table: str) -> list[dict[str, Any]]:
    return read_table(project / "data" / table).to_pylist()


def test_canaries_are_asked_anew_in_every_run_and_reach_no_label(
    provider: SimulatedServer, project_folder: Path
) -> None:
    canaries = {"examples": "data/examples/known.jsonl", "min_pairs": N}
    section = {"pairs_per_prompt": 1, "canaries": canaries}
    project = with_prompts(make_project(project_folder, provider.base_url, judge=section))
    lines = [
        {"prompt": f"Which of the two, {n}?", "first": f"good {n}", "second": f"bad {n}",
         "verdict": "first"} for n in range(N)
    ]  # fmt: skip
    (project / "data" / "examples" / "known.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines)
    )
    finish(project, "generate")
    finish(project, "judge")
    finish(project, "pair")
    said = rows_of(project, "canaries")
    planted = {row[side] for row in said for side in ("first_id", "second_id")}
    judgments = (project / "data" / "judgments" / "part-00000.parquet").read_bytes()

    assert len(planted) == 2 * N
    assert {row["run"] for row in said} == {0}
    assert len([row for row in said if row["judge"] == "sim"]) == 2 * N
    for table in ("judgments", "preferences", "anchors", "answers"):
        text = orjson.dumps(rows_of(project, table)).decode()
        assert not [name for name in planted if name in text], table
    queue = (project / "data" / "review" / "queue.jsonl").read_text()
    assert not [name for name in planted if name in queue]

    seen = provider.stats().requests
    finish(project, "judge")
    figures = json.loads((project / "data/metrics/judge.json").read_text())["canaries"]["sim"]

    assert provider.stats().requests == seen + 2 * N
    assert (project / "data" / "judgments" / "part-00000.parquet").read_bytes() == judgments
    assert [row for row in rows_of(project, "canaries") if row["run"] == 0] == said
    assert (figures["n"], figures["runs_before"], figures["fell"]) == (N, 1, False)
