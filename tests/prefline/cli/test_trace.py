"""The history of a prompt that a model has made of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from prefline.cli.app import app
from prefline.cli.trace import describe, trace_id
from prefline.config import Endpoint, EngineParams, EvolveParams
from prefline.ids import pair_id
from prefline.llm import Engine, ReplyStore
from prefline.project import Project
from prefline.tables import SCHEMAS, read_table, table_from_rows, write_table
from prefline.tables.prompts import Prompt, write_prompts
from tasks.sample.evolve import evolve
from tests.loopback import Answered, Asked, completion, loopback_server
from tests.tasks.sample.pools import params, prompts
from tests.tasks.validate.line import response

EVERY = prompts(4)


def answer(asked: Asked) -> Answered:
    """What the model writes, by what it was asked for."""
    inventing = b"task that none of them asks for" in asked.body
    return completion("What is a fugue?" if inventing else "And why is it so?")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Four prompts of a source, and what a model made of them: one of one, one of two."""
    made = Project(tmp_path)
    with loopback_server(answer) as url, ReplyStore(made.replies) as store:
        endpoint = Endpoint(base_url=url, model="m")
        rule = EvolveParams(endpoint=endpoint, size=2, styles=("deepen", "invent"), examples=2)
        with Engine([endpoint], EngineParams(max_in_flight=1), store) as engine:
            grown = list(evolve(engine, EVERY, params(evolve=rule)))
    kept = [one for one in grown if isinstance(one, Prompt)]
    assert len(kept) == len(grown)
    write_prompts(made.table("prompts"), [*EVERY, *kept])
    (made.root / "dvc.yaml").touch()
    made.params.touch()
    return made


def made_in(project: Project, style: str) -> dict[str, Any]:
    rows = read_table(project.table("prompts")).to_pylist()
    return next(row for row in rows if row["style"] == style)


@pytest.mark.parametrize(("style", "count"), [("deepen", 1), ("invent", 2)])
def test_a_prompt_that_a_model_made_is_told_with_its_parents_its_style_and_its_call(
    project: Project, style: str, count: int
) -> None:
    row = made_in(project, style)
    history = trace_id(project, row["prompt_id"])
    told = describe(history)

    assert {one["prompt_id"] for one in history["parents"]} == set(row["parent_ids"])
    assert len(history["parents"]) == count
    (call,) = history["calls"]
    assert call["request_key"] == row["request_key"]
    shown = call["request"]["messages"][0]["content"]
    for one in history["parents"]:
        assert one["messages"][0]["content"] in shown
        assert f"parent    {one['prompt_id']} ({one['source']}, {one['category']})" in told
        assert f"user: {one['messages'][0]['content']}" in told
    assert (
        f"made by a model, {style} of {', '.join(row['parent_ids'])}, call {row['request_key']}: "
        f"{row['messages'][0]['content']!r}"
    ) in told


def test_the_history_of_a_response_goes_back_to_what_its_prompt_was_made_of(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = made_in(project, "deepen")
    of_it = response(0, "a") | {"prompt_id": row["prompt_id"]}
    schema = SCHEMAS["responses"]
    write_table(project.table("responses"), table_from_rows([of_it], schema), schema)
    monkeypatch.chdir(project.root)
    found = json.loads(CliRunner().invoke(app, ["trace", "r0a", "--json"]).stdout)

    assert [one["prompt_id"] for one in found["parents"]] == row["parent_ids"]
    assert [one["request_key"] for one in found["calls"]] == [row["request_key"]]


def test_a_parent_that_is_not_there_is_said(project: Project) -> None:
    row = made_in(project, "deepen")
    kept = [one for one in EVERY if one.prompt_id not in row["parent_ids"]]
    child = Prompt(
        **{**row, "messages": tuple(row["messages"]), "parent_ids": tuple(row["parent_ids"])}
    )
    write_prompts(project.table("prompts"), [*kept, child])
    history = trace_id(project, child.prompt_id)

    assert history["parents"] == []
    assert f"parent    {row['parent_ids'][0]}, in no table" in describe(history)


def test_a_prompt_of_a_source_has_none(project: Project) -> None:
    history = trace_id(project, EVERY[0].prompt_id)

    assert (history["parents"], history["calls"]) == ([], [])
    assert "made by a model" not in describe(history)


def test_the_reviews_behind_a_row_are_told(project: Project) -> None:
    prompt = EVERY[0].prompt_id
    pair = pair_id("r0a", "r0b")
    rows = {
        "responses": [response(0, side) | {"prompt_id": prompt} for side in "ab"],
        "answers": [
            {"pair_id": pair, "prompt_id": prompt, "reviewer": name, "preferred_id": preferred,
             "place": f"mine.jsonl, row {at}", "accuracy": 0.95}
            for at, (name, preferred) in enumerate([("ann", "r0a"), ("ben", None)], 1)
        ],
    }  # fmt: skip
    for name, some in rows.items():
        write_table(project.table(name), table_from_rows(some, SCHEMAS[name]), SCHEMAS[name])
    history = trace_id(project, pair)
    told = describe(history)

    assert [row["reviewer"] for row in history["answers"]] == ["ann", "ben"]
    assert "review    ann: r0a is better (mine.jsonl, row 1); taken to be right in 95%" in told
    assert "review    ben: neither is better (mine.jsonl, row 2)" in told


def test_why_a_verdict_is_invalid_is_told(project: Project) -> None:
    history = trace_id(project, EVERY[0].prompt_id)
    judged = {"judge": "j", "method": "pairwise", "first_id": "a", "second_id": "b",
              "verdict": "invalid", "invalid_reason": "cut_off", "p_first": None,
              "rationale": ""}  # fmt: skip

    assert "-> invalid (cut_off)" in describe({**history, "judgments": [judged]})
