from __future__ import annotations

import math
from itertools import combinations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.methods.rubric import Criterion, Rubric, RubricJudge
from tasks.judge.results import judgment_rows
from tests.tasks.judge.material import MODEL, comparison, prompt, response
from tests.tasks.judge.scripted_judge import FAILS, Collected, collect

TWO = (Criterion(name="right", asks="is right", weight=3), Criterion(name="short", asks="is short"))
JUDGE = RubricJudge(name="u", method="rubric", endpoint=MODEL, criteria=TWO)


def card(right: object, short: object = 5) -> str:
    return orjson.dumps({"reasons": "so", "right": right, "short": short}).decode()


def pairs_of(count: int, question: str = "q") -> list[Comparison]:
    of = prompt(question)
    answers = [response(f"text {n}", f"{question} {n}") for n in range(count)]
    return [Comparison(of, *two) for two in combinations(answers, 2)]


def asked(plan: list[Comparison], *texts: str, judge: RubricJudge = JUDGE) -> Collected:
    return collect(Rubric().judge_tasks(judge, JudgeContext(), plan), *texts)


def test_the_difference_of_the_weighted_means_is_the_verdict() -> None:
    one = comparison()
    low, high = sorted((one.first.response_id, one.second.response_id))
    texts = {low: card(4, 8), high: card(8, 4)}  # means 5 and 7
    (judged,) = asked([one], texts[low], texts[high]).judgments
    expected = "first" if one.first.response_id == high else "second"

    assert judged.verdict.side == expected
    p = judged.verdict.p_first
    assert p is not None
    assert max(p, 1 - p) == pytest.approx(1 / (1 + math.exp(-2)))


def test_equal_scores_are_a_tie() -> None:
    (judged,) = asked([comparison()], card(5)).judgments

    assert (judged.verdict.side, judged.verdict.p_first) == ("tie", 0.5)


@pytest.mark.parametrize(
    "bad",
    [
        "I'd give it a ten.", "{", card(11), card(0), card("9"), card(True), card(None),
        '{"right": 5}', "[5, 5]", '{"right": NaN, "short": 5}',
    ],
)  # fmt: skip
def test_a_card_that_is_none_makes_the_verdict_invalid_and_is_kept(bad: str) -> None:
    (judged,) = asked([comparison()], card(5), bad).judgments

    assert (judged.verdict.side, judged.verdict.p_first) == ("invalid", None)
    assert bad in (judged.verdict.rationale or "")


def test_every_answer_is_asked_about_once_and_alone() -> None:
    collected = asked(pairs_of(4), card(5))
    texts = [request.messages[0]["content"] for request in collected.requests]

    assert len(texts) == 4 == Rubric().calls(JUDGE, JudgeContext(), pairs_of(4))
    assert all(sum(f"text {n}" in text for n in range(4)) == 1 for text in texts)
    assert len(collected.judgments) == 6


def test_a_schema_holds_the_endpoint_to_the_criteria_unless_params_say_no() -> None:
    (first, *_) = asked(pairs_of(2), card(5)).requests
    free = JUDGE.model_copy(update={"structured": False})
    (other, *_) = asked(pairs_of(2), card(5), judge=free).requests
    schema = first.body["response_format"]["json_schema"]["schema"]

    assert list(schema["properties"]) == ["reasons", "right", "short"]
    assert "response_format" not in other.body
    assert first.key != other.key


@given(st.integers(2, 6), st.lists(st.sampled_from(["ok", FAILS, "no"]), min_size=1, max_size=6))
def test_every_pair_ends_once_and_every_call_of_a_verdict_is_charged_once(
    count: int, kinds: list[str]
) -> None:
    plan = pairs_of(count, "one") + pairs_of(2, "two")
    collected = asked(plan, *(card(7) if kind == "ok" else kind for kind in kinds))
    table, _ = judgment_rows(JUDGE, [collected.judgments])
    used = {key for row in table["request_key"].to_pylist() for key in row.split()}

    assert len(collected.judgments) + len(collected.rejections) == len(plan)
    assert sum(table["cost_usd"].to_pylist()) == pytest.approx(0.5 * len(used))
    assert sum(table["output_tokens"].to_pylist()) == 2 * len(used)
