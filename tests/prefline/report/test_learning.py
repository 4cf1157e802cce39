"""What the report says of what was trained."""

from __future__ import annotations

from typing import Any

import pytest

from prefline.project import Project
from prefline.report import read_facts
from prefline.report.learning import learning
from prefline.report.page import render
from tests.prefline.report.projects import figure


def rates(value: float, n: int) -> dict[str, Any]:
    rate = {"value": value, "low": value - 0.1, "high": value + 0.1, "n": n}
    return {"pass_rate": rate, "over": {"base": figure(-0.1, 0.05, 0.2)}}


def of_policy(unseen: int) -> dict[str, Any]:
    both = {"seen": rates(0.4, 44), "unseen": rates(0.3, unseen)}
    return {"kind": "policy", "model": "demo-1-dpo", "passes": both, "base_passes": both}


def of_reward() -> dict[str, Any]:
    rules = {
        name: figure(0.1, 0.5, 0.9)
        for name in ("accuracy", "longer_wins", "shorter_wins", "first_wins")
    }
    pairs = {"human.helpful": {"n_pairs": 12, "overall": rules}}
    return {"kind": "reward_head", "model": "demo-1-head", "pairs": pairs}


def test_a_policy_has_a_row_for_each_part_of_the_prompts_that_has_any() -> None:
    found = learning(of_policy(unseen=0), "it passes\n")

    assert [row["n"] for row in found.passes] == [44]
    assert found.accuracy == []


def test_a_reward_model_stands_beside_the_rules_that_know_nothing() -> None:
    (row,) = learning(of_reward(), "it is right\n").accuracy

    assert (row["on"], row["n"], set(row)) == (
        "human.helpful", 12, {"on", "n", "model", "longer", "shorter", "first"},
    )  # fmt: skip


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("figures", [of_policy(unseen=95), of_reward()])
def test_the_page_shows_it_escaped(project: Project, figures: dict[str, Any]) -> None:
    import orjson

    folder = project.table("evaluation")
    folder.mkdir()
    (folder / "metrics.json").write_bytes(orjson.dumps(figures))
    (folder / "summary.txt").write_text("<b>it</b> passes\n")
    page = render(read_facts(project))

    assert '<section id="learning">' in page
    assert "&lt;b&gt;it&lt;/b&gt; passes." in page
    assert figures["model"] in page


@pytest.mark.usefixtures("_undrawn")
def test_without_an_evaluation_the_page_says_nothing_of_it(project: Project) -> None:
    assert '<section id="learning">' not in render(read_facts(project))
