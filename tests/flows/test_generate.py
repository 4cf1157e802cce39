"""The stage `generate` with revisions and imported responses, as a process."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.runtime.estimate import StageEstimate, estimate
from prefline.cli.trace import describe, trace_id
from prefline.llm import ReplyStore
from prefline.llm.replies.maintenance import used_keys
from prefline.project import Project
from prefline.report.facts import read_facts
from prefline.simulator import (
    Generator,
    Latency,
    SimulatedServer,
    SimulatorConfig,
)
from prefline.tables import read_table
from tests.flows.projects import make_project, with_prompts
from tests.flows.stages import PaidOnce, finish, requests_of, set_params, start, wait_until
from tests.simulated import threaded_server

pytestmark = pytest.mark.timeout(180)

ROUNDS = 2
PROVIDER = SimulatorConfig(
    # A part of the drafts is cut off, and so not revised.
    generators={"sim-strong": Generator(characters=200, spread=1.0)},
    latency=Latency(distribution="uniform", ms=30, spread=20),
    faults={"500": 0.05, "cut_off": 0.05},
)
REVISING = {"samples_per_prompt": 4, "max_tokens": 60, "revision": {"rounds": ROUNDS}}


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    with threaded_server(PROVIDER) as running:
        yield running


def project_at(folder: Path, url: str, **generate: Any) -> Path:
    """A project that is judged by checks alone, and whose every call is made in the end."""
    engine = {"max_tries": 20, "max_back_off_s": 0.05, "timeout_s": 10, "max_in_flight": 8}
    judge = {"judges": [{"name": "verifier", "method": "verifier"}]}
    project = make_project(folder, url, engine=engine, generate=generate, judge=judge)
    return with_prompts(project)


@pytest.fixture(scope="module")
def revised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, StageEstimate]]:
    """A project whose stage `generate` has run with revisions, and what was estimated before it."""
    with threaded_server(PROVIDER) as server:
        root = project_at(tmp_path_factory.mktemp("revised") / "p", server.base_url, **REVISING)
        (before,) = [one for one in estimate(Project(root)) if one.stage == "generate"]
        finish(root, "generate")
        yield Project(root), before


def responses(project: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_table(project / "data" / "responses").to_pylist()
    return rows


def import_two(project: Path) -> dict[str, Any]:
    """A table of two responses, one of them to a prompt that was not sampled."""
    rows = [
        {"instruction": "Say something, number 3.", "text": "Something.", "cost_usd": 9.0},
        {"instruction": "Never sampled.", "text": "Something."},
    ]
    path = project / "data" / "imported" / "responses" / "two.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    name = str(path.relative_to(project))
    return {"path": name, "columns": {"prompt": "instruction"}, "model": "theirs"}


def test_killed_in_the_middle_no_critique_is_paid_for_twice(
    server: SimulatedServer, project_folder: Path, tmp_path: Path
) -> None:
    project = project_at(project_folder, server.base_url, **REVISING)
    rule = PaidOnce(server, project, "generate")
    stored = [rule.note()]
    for wanted in (40, 90, 140):
        child = start(project, "generate")
        under_way = wait_until(lambda: server.stats().answered >= wanted, child)  # noqa: B023
        child.kill()
        said = child.communicate()
        assert under_way, said
        stored.append(rule.note())
    finish(project, "generate")
    with threaded_server(PROVIDER) as other:
        undisturbed = project_at(tmp_path / "undisturbed", other.base_url, **REVISING)
        finish(undisturbed, "generate")

    assert stored[1] > 0
    assert stored == sorted(stored)
    assert rule.note() == len(requests_of(project, "generate"))
    assert not rule.asked_again()
    assert responses(project) == responses(undisturbed)


def test_a_run_is_counted_before_it_is_made_and_told_after_it(
    revised: tuple[Project, StageEstimate],
) -> None:
    project, before = revised
    (after,) = [one for one in estimate(project) if one.stage == "generate"]
    rows = responses(project.root)
    named = {key for row in rows for key in row["request_key"].split()}

    assert (before.calls, before.exact) == (48 * (1 + 2 * ROUNDS), False)
    assert (after.calls, after.cached, after.exact) == (0, len(named), True)
    figures = json.loads(project.metrics("generate").read_bytes())
    assert figures["origin"] == Counter(row["origin"] for row in rows)
    assert sum(figures["principle"].values()) == figures["origin"]["revised"] > 20
    assert figures["rejected"]["not_revised"] > 0
    assert len(rows) + sum(figures["rejected"].values()) == 48 * (1 + ROUNDS)
    (costs,) = read_facts(project).costs
    assert costs["calls"] == len(named)


def test_the_history_of_a_revision_is_told_from_its_draft_on_with_what_the_critique_said(
    revised: tuple[Project, StageEstimate],
) -> None:
    root = revised[0].root
    by_id = {row["response_id"]: row for row in responses(root)}
    last = next(one for one in by_id.values()
                if one["parent_id"] and by_id[one["parent_id"]]["parent_id"])  # fmt: skip
    first = by_id[by_id[last["parent_id"]]["parent_id"]]
    history = trace_id(Project(root), last["response_id"])
    told = describe(history)
    said = {one["request_key"]: one["reply"]["choices"][0]["message"]["content"]
            for one in history["calls"]}  # fmt: skip

    assert [row["response_id"] for row in history["ancestors"]] == [
        first["response_id"], last["parent_id"],
    ]  # fmt: skip
    assert history["responses"] == [last]
    critique, revision = last["request_key"].split()
    assert len(said) == 5
    assert said[revision].strip() == last["text"]
    assert f"critique, call {critique}: {said[critique]!r}" in told
    assert f"revises {last['parent_id']} by principle {last['principle']}" in told
    assert told.index(f"response  {first['response_id']}") < told.index(f"{last['response_id']} by")


def test_no_reply_behind_a_row_counts_as_unused(
    revised: tuple[Project, StageEstimate], tmp_path: Path
) -> None:
    root = tmp_path / "project"
    shutil.copytree(revised[0].root, root, symlinks=True)
    finish(root, "judge")
    asked = {one.key for one in requests_of(root, "generate")}

    assert len(asked) > 100
    assert used_keys(Project(root)) == asked
    assert read_table(root / "data" / "judgments").num_rows > 0, "checks need no endpoint"
    with ReplyStore(Project(root).replies) as store:
        assert all(key in store for key in asked)


def test_imported_responses_stand_beside_sampled_ones_and_cost_the_line_nothing(
    server: SimulatedServer, project_folder: Path
) -> None:
    root = project_at(project_folder, server.base_url, samples_per_prompt=1)
    set_params(root, "generate", imported=[import_two(root)])
    finish(root, "generate")
    rows = responses(root)
    rejected = read_table(root / "data" / "rejections").to_pylist()

    assert Counter(row["origin"] for row in rows) == {"sampled": 12, "imported": 1}
    assert (rows[-1]["model"], rows[-1]["text"]) == ("theirs", "Something.")
    assert [one["reason"] for one in rejected] == ["unknown_prompt"]
    assert [one["by"] for one in read_facts(Project(root)).costs] == ["sim-strong"]


def test_a_line_without_own_generation_needs_no_endpoint(project_folder: Path) -> None:
    root = project_at(project_folder, "http://127.0.0.1:9/v1")
    set_params(root, "generate", endpoints=[], imported=[import_two(root)])
    finish(root, "generate")

    assert [row["origin"] for row in responses(root)] == ["imported"]
    assert {one.stage for one in estimate(Project(root))} == {"train", "evaluate"}
