"""Criteria written for a prompt once, and yes or no to each of them for each answer alone."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from prefline.config import JudgeParams, read_params
from prefline.errors import InputError
from prefline.tables.by_text import prompt_id_of
from prefline.tables.rubrics import GENERAL, read_rubrics, rubric_rows
from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.methods.checklist import Checklist, ChecklistJudge
from tasks.judge.results import judgment_rows
from tests.tasks.judge.material import MODEL, comparison, prompt, response
from tests.tasks.judge.scripted_judge import CUT, FAILS, Collected, collect

JUDGE = ChecklistJudge(name="c", method="checklist", endpoint=MODEL, least=2, most=3)
WRITTEN = json.dumps({"criteria": [
    {"criterion": "Says 4.", "weight": 3}, {"criterion": "Shows  the sum.", "weight": 1},
]})  # fmt: skip


def card(*said: object) -> str:
    return json.dumps({"reasons": "so"} | {str(n): one for n, one in enumerate(said, 1)})


def pairs_of(count: int, question: str = "q") -> list[Comparison]:
    of = prompt(question)
    answers = [response(f"text {n}", f"{question} {n}") for n in range(count)]
    return [Comparison(of, *two) for two in combinations(answers, 2)]


def asked(
    plan: list[Comparison], *texts: str, judge: ChecklistJudge = JUDGE, material: Any = None
) -> Collected:
    context = JudgeContext(material={} if material is None else material)
    return collect(Checklist().judge_tasks(judge, context, plan), *texts)


def by_side(one: Comparison, first: str, second: str) -> tuple[str, str]:
    """The cards in the order in which the answers are asked about: by their ids."""
    in_order = one.first.response_id < one.second.response_id
    return (first, second) if in_order else (second, first)


def test_each_criterion_is_a_verdict_and_their_mean_the_difference_of_weighted_shares() -> None:
    one = comparison()
    material: dict[str, Any] = {}
    cards = by_side(one, card("yes", "no"), card("no", "no"))
    collected = asked([one], WRITTEN, *cards, material=material)
    says = [(j.principle, j.verdict.side) for j in collected.judgments]
    assert says == [("criterion 1", "first"), ("criterion 2", "tie")]
    p = collected.judgments[0].verdict.p_first
    assert p == pytest.approx(1 / (1 + math.exp(-2 * 3 / 2)))  # weight 3 of a mean of 2
    assert (
        collected.judgments[0].verdict.rationale
        == "Says 4. (weight 3): yes for first and no for second"
    )
    (row,) = rubric_rows(material, "c", [one.prompt.prompt_id])
    assert row["criteria"][1] == {"criterion": "Shows the sum.", "weight": 1.0}
    assert (row["origin"], row["model"]) == ("model", "m")


def test_criteria_are_written_once_before_any_answer_is_seen_with_the_right_one_if_known() -> None:
    plan = pairs_of(3)
    known = [one._replace(prompt=replace(one.prompt, reference="It is 4.")) for one in plan]
    collected = asked(known, WRITTEN, *[card("yes", "yes")] * 3)
    texts = [request.messages[0]["content"] for request in collected.requests]
    assert len(texts) == 4 == Checklist().calls(JUDGE, JudgeContext(), known)
    assert "It is 4." in texts[0]
    assert "text" not in texts[0].replace("statement", "")
    assert all("It is 4." not in text and "1. Says 4." in text for text in texts[1:])
    assert all(sum(f"text {n}" in text for n in range(3)) == 1 for text in texts[1:])
    assert len(collected.judgments) == 3 * 2


def test_another_model_writes_the_criteria_where_one_is_named() -> None:
    writer = MODEL.model_copy(update={"model": "strong"})
    judge, material = JUDGE.model_copy(update={"writer": writer}), dict[str, Any]()
    one = comparison()
    texts = [WRITTEN[:40] + CUT, WRITTEN, *[card("yes", "no")] * 2]
    collected = asked([one], *texts, judge=judge, material=material)
    assert [request.model for request in collected.requests] == ["strong", "strong", "m", "m"]
    assert material[one.prompt.prompt_id].model == "strong"
    assert judge.description == "checklist, criteria by strong"
    assert JudgeParams(judges=(judge,)).endpoints == (MODEL, writer)
    elsewhere = writer.model_copy(update={"replicas": ("http://other/v1",)})
    other = judge.model_copy(update={"endpoint": elsewhere})
    with pytest.raises(ValidationError, match="different endpoints for one model, strong"):
        JudgeParams(judges=(other,))
    wordings = [Checklist().wording(each, JudgeContext(), one) for each in (JUDGE, judge)]
    assert wordings[1] == wordings[0] | {"writer": "strong"}


def test_what_was_written_and_is_no_rubric_gives_the_general_one() -> None:
    material: dict[str, Any] = {}
    one = comparison()
    collected = asked([one], "Only one.", *[card(*["yes"] * 4)] * 2, material=material)
    assert material[one.prompt.prompt_id] == GENERAL
    assert [j.verdict.side for j in collected.judgments] == ["tie"] * 4


@pytest.mark.parametrize("bad", ["yes", "{}", card("yes"), card("yes", "maybe"), card(1, None)])
def test_a_card_that_is_none_makes_one_invalid_verdict(bad: str) -> None:
    (judged,) = asked([comparison()], WRITTEN, card("no", True), bad).judgments
    assert (judged.verdict.side, judged.verdict.reason) == ("invalid", "out_of_form")
    assert judged.verdict.rationale == bad


@pytest.mark.parametrize("texts", [(FAILS,), (WRITTEN, FAILS)])
def test_a_call_that_fails_rejects_the_pairs_that_rest_on_it(texts: tuple[str, ...]) -> None:
    collected = asked(pairs_of(3), *texts)
    assert not collected.judgments
    assert [one.reason for one in collected.rejections] == ["timeout"] * 3


def test_a_rubric_or_a_card_that_was_cut_off_is_asked_for_again() -> None:
    texts = [WRITTEN[:40] + CUT, WRITTEN, card("yes")[:-1] + CUT, card("yes", "no")]
    collected = asked([comparison()], *texts, card("no", "no"))
    tokens = [request.sampling.max_tokens for request in collected.requests]
    assert tokens == [512, 1024, 256, 512, 256]
    assert len(collected.judgments) == 2


def test_every_call_is_charged_once() -> None:
    collected = asked(pairs_of(3), WRITTEN, *[card("yes", "no")] * 3)
    table, _ = judgment_rows(JUDGE, [collected.judgments])
    assert sum(table["cost_usd"].to_pylist()) == pytest.approx(0.5 * 4)
    assert len(set(table["judgment_id"].to_pylist())) == 6


def test_people_s_rubrics_take_the_place_of_written_ones(tmp_path: Path) -> None:
    folder = tmp_path / "data/judges"
    folder.mkdir(parents=True)
    one = comparison()
    row = {"prompt": "What is 2 + 2?", "criteria": [{"criterion": "Is 4.", "weight": 2}]}
    (folder / "mine.jsonl").write_text(json.dumps(row))
    judge = JUDGE.model_copy(update={"rubrics": "data/judges/mine.jsonl"})
    material = Checklist().read(judge, tmp_path, [])
    assert Checklist().calls(judge, JudgeContext(material=material), [one]) == 2
    collected = asked([one], card("yes"), judge=judge, material=material)
    assert [j.principle for j in collected.judgments] == ["criterion 1"]
    assert rubric_rows(material, "c", [one.prompt.prompt_id])[0]["origin"] == "people"
    wordings = [
        Checklist().wording(judge, JudgeContext(material=one), comparison())
        for one in ({}, material)
    ]
    assert wordings[0] != wordings[1]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"criteria": [{"criterion": "a"}]}, "row 1: field 'prompt_id' is missing"),
        ({"prompt_id": "p"}, "row 1: field 'criteria' is no list"),
        ({"prompt_id": "p", "criteria": [{"criterion": " "}]}, "field 'criteria.0' is"),
        ({"prompt_id": "p", "criteria": [{"criterion": "a", "weight": 0}]}, "0 to 100"),
        ({"prompt_id": "p", "criteria": [{"criterion": "a" * 501}]}, "1 to 500 characters"),
    ],
)
def test_a_row_that_is_no_rubric_is_refused(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(InputError, match=message):
        read_rubrics(path)
    path.write_text('{"prompt_id": "p", "criteria": [{"criterion": "a"}]}\n' * 2)
    with pytest.raises(InputError, match="second rubric"):
        read_rubrics(path)


@pytest.mark.parametrize("fields", [{"votes": 3}, {"least": 9}, {"prompt": "data/judges/a.md"}])
def test_params_that_make_no_sense_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChecklistJudge(name="c", method="checklist", endpoint=MODEL, **fields)


def test_the_example_has_criteria_of_people_for_one_of_its_prompts() -> None:
    example = Path(__file__).parents[4] / "examples" / "rubrics"
    (judge, _) = read_params(example / "params.yaml").judge.judges
    assert isinstance(judge, ChecklistJudge)
    assert judge.rubrics == "data/judges/rubrics.jsonl"
    given = read_rubrics(example / "rubrics.jsonl")
    places = [(f"row {n}", json.loads(line)) for n, line in enumerate(
        (example / "prompts.jsonl").read_text().splitlines())]  # fmt: skip
    assert set(given) < {prompt_id_of(row, place) for place, row in places}
