from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from prefline.simulator import SimulatedServer
from prefline.simulator.models import EMBEDDER
from tests.flows.projects import make_project
from tests.flows.stages import finish, set_params, start


def ids(project: Path, table: str) -> set[str]:
    return set(pq.read_table(project / "data" / table)["prompt_id"].to_pylist())


@pytest.fixture
def project(project_folder: Path, provider: SimulatedServer) -> Path:
    return make_project(project_folder, provider.base_url, sample={"size": 7})


def test_rounds_draw_what_no_earlier_one_drew_until_nothing_is_left(project: Path) -> None:
    drawn = list[set[str]]()
    for number in range(2):
        set_params(project, "sample", round=number)
        finish(project, "sample")
        drawn.append(ids(project, "prompts"))
        # New prompts come to the source: the rounds that have been cannot draw them any more.
        if not number:
            with (project / "data/bundled/prompts.jsonl").open("a") as lines:
                lines.write('\n{"prompt": "A new one."}')

    assert [len(one) for one in drawn] == [7, 6]
    assert len(set.union(*drawn)) == 13
    assert ids(project, "drawn") == set.union(*drawn)
    assert not ids(project, "held_out") & set.union(*drawn)

    set_params(project, "sample", round=2)
    child = start(project, "sample")
    assert "have drawn all 13 prompts" in child.communicate()[1]
    assert child.returncode == 2
    assert ids(project, "prompts") == drawn[1]


def test_several_sources_with_weights_and_clusters_of_alike_prompts(
    project: Path, provider: SimulatedServer
) -> None:
    folder = project / "data/imported/prompts"
    folder.mkdir(exist_ok=True)
    (folder / "asked.csv").write_text("question\n" + "\n".join(f"Why {n}?" for n in range(9)))
    user, answer = {"role": "user", "content": "Who?"}, {"role": "assistant", "content": "I."}
    (project / "log.jsonl").write_text(json.dumps({"messages": [user, answer]}))
    table = "data/imported/prompts/asked.csv"
    set_params(
        project,
        "sample",
        sources=[
            {"name": "asked", "path": table, "columns": {"prompt": "question"}, "weight": 2},
            {"name": "counted", "sql": "SELECT 'So, ' || question AS prompt FROM t LIMIT 5",
             "files": {"t": table}, "weight": 1},
            {"name": "log", "path": "log.jsonl", "format": "chat_log", "weight": 1},
        ],
        size=4,
        hold_out={},
        mix={"diversity": {
            "endpoint": {"base_url": provider.base_url, "model": EMBEDDER}, "clusters": 3,
        }},
    )  # fmt: skip
    child = start(project, "sample")
    said = child.communicate()
    figures = json.loads((project / "data/metrics/sample.json").read_text())["sources"]

    assert child.returncode == 0, said
    assert "DVC does not watch log.jsonl" in said[0]
    assert "asked.csv" not in said[0]
    assert {name: one["rows"] for name, one in figures.items()} == {
        "asked": 9, "counted": 5, "log": 1,
    }  # fmt: skip
    assert {name: one["drawn"] for name, one in figures.items()} == {
        "asked": 2, "counted": 1, "log": 1,
    }  # fmt: skip
