"""`prefline judge-try`, in this process, against a simulated provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.runtime.judge_try import as_text, try_judge
from prefline.config import EngineParams, read_params
from prefline.errors import ParamsError
from prefline.llm import Engine, ReplyStore
from prefline.project import Project
from prefline.simulator import Judge, SimulatedServer, SimulatorConfig, planted_text
from prefline.tables import PROMPTS, RESPONSES, table_from_rows, write_table
from tasks.judge.jobs import JudgeJob, plan_comparisons, read_context
from tasks.judge.pairs import select_pairs
from tests.simulated import threaded_server


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    config = SimulatorConfig(judges={"sim": Judge(accuracy=0.9, invalid_rate=0.1)})
    with threaded_server(config) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, server: SimulatedServer) -> Project:
    """Twelve prompts with three answers each, and three judges of one model."""
    project = Project(tmp_path)
    prompts, responses = [], []
    for n in range(12):
        messages = [{"role": "user", "content": f"Question {n}?"}]
        prompts.append({"prompt_id": f"q{n}", "messages": messages, "source": "s",
                        "category": "c", "license": "l"})  # fmt: skip
        responses += [
            {"response_id": f"r{n}{k}", "prompt_id": f"q{n}", "model": "m", "sample_index": k,
             "text": planted_text(k - 1.0, 80, f"Question {n}?", seed=k), "finish_reason": "stop",
             "origin": "sampled"}
            for k in range(3)
        ]  # fmt: skip
    write_table(project.table("prompts"), table_from_rows(prompts, PROMPTS), PROMPTS)
    write_table(project.table("responses"), table_from_rows(responses, RESPONSES), RESPONSES)
    (tmp_path / "data/judges").mkdir()
    own = "# system\nBe strict.\n# user\n{{question}}\n{{answer_a}}\n{{answer_b}}\n{{offered}}?\n"
    (tmp_path / "data/judges/mine.md").write_text(own)
    endpoint: dict[str, Any] = {
        "base_url": server.base_url, "model": "sim", "prices": {"input": 1, "output": 1},
        "request": {"extra": {"user": "me"}},  # part of the key
        "mode": "batch",  # by which a few pairs are not asked about
    }  # fmt: skip
    judges: list[dict[str, Any]] = [
        {"name": "mine", "method": "pairwise", "prompt": "data/judges/mine.md"},
        {"name": "list", "method": "listwise"},
        {"name": "votes", "method": "reasoned", "votes": 2},
    ]
    params = {"judge": {"judges": [judge | {"endpoint": endpoint} for judge in judges]},
              "generate": {"endpoints": [endpoint]}}  # fmt: skip
    defaults = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())
    project.params.write_text(yaml.safe_dump(defaults | params))
    return project


def test_five_pairs_show_what_a_judge_is_sent_and_what_is_read_and_cost_nothing_again(
    project: Project, server: SimulatedServer
) -> None:
    document = try_judge(project, "mine", 5)
    before = server.stats().requests
    again = try_judge(project, "mine", 5)
    text = "\n".join(as_text(document))

    assert len({one["pair_id"] for one in document["judgments"]}) == 5
    assert (document["calls"], document["stored_before"]) == (10, 0)
    assert document["cost_usd"] > 0
    assert (again["calls"], again["stored_before"], again["cost_usd"]) == (10, 10, 0)
    assert (server.stats().requests, server.stats().in_batches) == (before, 0)
    assert document["prompt"] == "data/judges/mine.md"
    assert text.count("Be strict.") == 1, "what was shown once is not shown again"
    assert "=> first" in text or "=> second" in text
    assert "10 calls of judge mine (pairwise), 0 of them stored before, $0.0" in text


@pytest.mark.parametrize("name", ["mine", "list", "votes"])
def test_the_stage_judge_finds_what_was_tried_in_the_store(name: str, project: Project) -> None:
    tried = try_judge(project, name, 3)
    keys = {call["request_key"] for one in tried["judgments"] for call in one["calls"]}
    params = read_params(project.params)
    (judge,) = [one for one in params.judge.judges if one.name == name]
    rows = _rows(project)
    pairs = select_pairs(rows["prompts"], rows["responses"], params.judge)
    context = read_context(judge, params.judge, project.root, rows["responses"])
    job = JudgeJob(judge, context, list(plan_comparisons(pairs.comparisons, judge, context)))
    asked = set()
    with (
        ReplyStore(project.replies) as store,
        Engine(params.judge.endpoints, EngineParams(), store) as engine,
    ):
        for result in job.collect(engine.converse):
            asked |= {r.request.key for item in result for r in getattr(item, "replies", ())}

    assert keys
    assert keys <= asked


def _rows(project: Project) -> dict[str, Any]:
    from prefline.tables import read_table
    from prefline.tables.prompts import read_prompts

    return {
        "prompts": read_prompts(project.table("prompts")),
        "responses": read_table(project.table("responses")).to_pylist(),
    }


@pytest.mark.parametrize("name", [None, "small"])
def test_a_judge_that_is_not_there_or_not_the_only_one_is_an_error_that_names_them(
    name: str | None, project: Project
) -> None:
    with pytest.raises(ParamsError) as caught:
        try_judge(project, name, 5)

    assert "mine, list, votes" in caught.value.remedy
