"""The stage `pair` with people in it, as a process on a small project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prefline.ids import pair_id
from prefline.tables import SCHEMAS, read_table, table_from_rows, write_table
from tests.flows.projects import make_project
from tests.flows.stages import finish, set_params, start
from tests.prefline.labeling.judgments import judgment
from tests.tasks.pair.material import in_label_studio, save

PAIRS = 12


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two responses to each prompt, on which the one judge said nothing that could be read."""
    made = make_project(tmp_path / "project", "http://127.0.0.1:9/v1")
    set_params(made, "pair", review={"size": 5, "random_share": 0.2})
    numbers = range(PAIRS)
    keep(made, "prompts", [
        {"prompt_id": f"p{n}", "messages": [{"role": "user", "content": f"Question {n}?"}],
         "source": "tests", "category": "words", "license": "CC0-1.0"} for n in numbers
    ])  # fmt: skip
    keep(made, "responses", [
        {"response_id": f"r{n}{which}", "prompt_id": f"p{n}", "model": "m", "sample_index": 0,
         "text": f"Answer {n}{which}", "finish_reason": "stop", "origin": "sampled"}
        for n in numbers for which in "ab"
    ])  # fmt: skip
    keep(made, "judgments", [judgment(f"r{n}a", f"r{n}b", "invalid", prompt=f"p{n}")
                             for n in numbers])  # fmt: skip
    return made


def keep(project: Path, table: str, rows: list[dict[str, Any]]) -> None:
    write_table(project / "data" / table, table_from_rows(rows, SCHEMAS[table]), SCHEMAS[table])


def figures(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project / "data/metrics/pair.json").read_text())
    return found


def queued(project: Path) -> list[str]:
    tasks = json.loads((project / "data/review/label_studio.json").read_text())
    return [task["data"]["pair_id"] for task in tasks]


def test_what_people_answer_becomes_labels_and_leaves_the_queue(project: Path) -> None:
    finish(project, "pair")
    asked = queued(project)
    says = {pair: ["a", "tie", None][at % 3 :][:1] for at, pair in enumerate(asked)}
    exported = in_label_studio(project / "data" / "review", says)
    save(project / "data" / "reviews" / "export.json", exported)
    child = start(project, "pair")
    said, _ = child.communicate()
    preferences = read_table(project / "data/preferences").to_pylist()
    rejected = read_table(project / "data/rejections").to_pylist()
    tied = {row["id"] for row in rejected if row["reason"] == "people_tie"}

    assert child.returncode == 0
    assert "warning" not in said
    assert {row["pair_id"] for row in preferences} == {p for p in asked if says[p] == ["a"]}
    assert {row["label_source"] for row in preferences} == {"human"}
    assert tied == {pair for pair in asked if says[pair] == ["tie"]}
    assert len(preferences) + len(rejected) == PAIRS
    assert not set(queued(project)) & ({row["pair_id"] for row in preferences} | tied)
    assert figures(project)["reviews"]["skipped"] == len(asked) // 3


def test_people_s_answers_are_labels_without_any_judge(project: Path) -> None:
    set_params(project, "judge", judges=[])
    finish(project, "judge")
    finish(project, "pair")
    asked = queued(project)
    assert len(asked) == PAIRS, "all pairs wait, and those drawn at random come first"

    answers = [
        {"pair_id": pair_id(f"r{n}a", f"r{n}b"), "reviewer": "ann", "preferred_id": f"r{n}b",
         "other_id": f"r{n}a"} for n in range(9)
    ]  # fmt: skip
    save(project / "data" / "reviews" / "mine.jsonl", answers)
    finish(project, "pair")
    rows = read_table(project / "data/preferences").to_pylist()
    rejected = read_table(project / "data/rejections").to_pylist()
    said = read_table(project / "data/answers").to_pylist()

    assert {row["chosen_id"] for row in rows} == {f"r{n}b" for n in range(9)}
    assert {tuple(row["reviewers"]) for row in rows} == {("ann",)}
    assert [(row["stage"], row["reason"]) for row in rejected] == [("pair", "not_judged")] * 3
    assert not {row["pair_id"] for row in rows} & {row["id"] for row in rejected}
    assert {row["place"] for row in said} == {f"mine.jsonl, row {n}" for n in range(1, 10)}


def test_an_answer_on_an_unknown_pair_is_said_and_a_bad_row_ends_the_stage(project: Path) -> None:
    row = {"pair_id": "gone", "reviewer": "ann", "preferred_id": "x", "other_id": "y"}
    save(project / "data" / "reviews" / "mine.jsonl", [row])
    child = start(project, "pair")
    said, _ = child.communicate()

    assert child.returncode == 0
    assert "warning: mine.jsonl, row 1: pair gone is not among the pairs judged here" in said
    assert figures(project)["reviews"]["unknown_pairs"] == 1

    save(project / "data" / "reviews" / "mine.jsonl", [row, {"pair_id": "gone", "reviewer": "ann"}])
    child = start(project, "pair")
    _, complaint = child.communicate()

    assert child.returncode == 2
    assert "mine.jsonl, row 2: field 'preferred_id' is missing" in complaint
    assert "remedy: each answer is {pair_id, reviewer, preferred_id, other_id}" in complaint
