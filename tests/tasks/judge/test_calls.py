from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from prefline.config import ComparingJudge, Judge, JudgeParams
from prefline.config.principles import Principle
from prefline.errors import ParamsError
from prefline.tables import JUDGMENTS
from tasks.judge.batches import Batches
from tasks.judge.comparisons import Comparison
from tasks.judge.context import Example, JudgeContext
from tasks.judge.jobs import JudgeJob
from tasks.judge.metrics import cut_off_warnings, invalid_reasons, refuse_all_cut_off
from tasks.judge.results import JudgeResult, judgment_rows
from tests.tasks.judge.material import MODEL, comparison, prompt, response
from tests.tasks.judge.scripted_judge import CUT, FAILS, THINKING, THOUGHT, Collected, collect

CONTEXT = JudgeContext(material=(Principle("kind", "kind."),))
NOTHING_YET = JUDGMENTS.empty_table()
LETTERS = ("pairwise", "reasoned", "constitution", "reference")


def judge_of(method: str, **params: Any) -> Judge:
    judges = [{"name": "j", "method": method, "endpoint": MODEL, **params}]
    return JudgeParams.model_validate({"judges": judges}).judges[0]


def asked(judge: Judge, *texts: str, context: JudgeContext = CONTEXT) -> Collected:
    return collect(JudgeJob(judge, context, [comparison("4", "5")]).tasks(), *texts)


CUT_OFF = [
    pytest.param("pairwise", ("A better answer would" + CUT, "B"), 4, id="pairwise"),
    pytest.param("constitution", ('{"verdict": "' + CUT, "B"), 4, id="constitution"),
    pytest.param("reference", ("Well" + CUT, "B"), 4, id="reference"),
    pytest.param("listwise", ("So: 2 >" + CUT, "2 > 1"), 128, id="listwise"),
    pytest.param(
        "rubric", ('{"right": ' + CUT, '{"right": 5}', '{"right": 7}'), 256, id="rubric"
    ),
]  # fmt: skip


def of_method(method: str, **params: Any) -> Judge:
    if method == "rubric":
        params["criteria"] = [{"name": "right", "asks": "is right"}]
    if method == "listwise":
        params["orders"] = "random"
    return judge_of(method, **params)


@pytest.mark.parametrize(("method", "texts", "max_tokens"), CUT_OFF)
def test_what_was_cut_off_before_its_verdict_is_asked_for_once_more_with_twice_the_tokens(
    method: str, texts: tuple[str, ...], max_tokens: int
) -> None:
    collected = asked(of_method(method), *texts)
    first, second, *_ = collected.requests
    (judgment,) = collected.judgments

    assert judgment.verdict.side in ("first", "second")
    assert (first.sampling.max_tokens, second.sampling.max_tokens) == (max_tokens, 2 * max_tokens)
    assert (first.messages, first.key != second.key) == (second.messages, True)
    assert len(collected.requests) == len(texts)
    assert {reply.request.key for reply in judgment.replies} == {
        request.key for request in collected.requests
    }


@pytest.mark.parametrize(("method", "texts", "max_tokens"), CUT_OFF)
def test_it_is_asked_for_no_third_time_and_not_at_all_where_params_say_so(
    method: str, texts: tuple[str, ...], max_tokens: int
) -> None:
    for again, calls in ((True, 2), (False, 1)):
        collected = asked(of_method(method, ask_again=again), texts[0])
        (judgment,) = collected.judgments

        assert (judgment.verdict.side, judgment.verdict.reason) == ("invalid", "cut_off")
        assert collected.requests[0].sampling.max_tokens == max_tokens
        assert len(collected.requests) == (2 * calls if method == "rubric" else calls)


@pytest.mark.parametrize("method", [*LETTERS, "listwise", "rubric"])
def test_a_reply_that_is_all_reasoning_is_paid_once(method: str) -> None:
    collected = asked(of_method(method), "Well, let me see" + THINKING)
    (judgment,) = collected.judgments

    assert judgment.verdict.reason == "reasoning_only"
    assert len(collected.requests) == (2 if method == "rubric" else 1)


def test_the_letter_of_a_reasoned_verdict_is_asked_for_once_more_and_the_reasons_are_not() -> None:
    collected = asked(of_method("reasoned"), "The first is" + CUT, "A better" + CUT, "A")
    tokens = [request.sampling.max_tokens for request in collected.requests]

    assert (tokens, collected.sides) == ([512, 4, 8], ["first"])


def test_a_judge_without_room_for_a_verdict_is_stopped_after_twenty_judgments() -> None:
    judge = of_method("pairwise", ask_again=False)
    plan = [comparison(f"a{n}", f"b{n}", prompt(f"q{n}")) for n in range(40)]
    asked_of = list[int]()

    def results(*texts: str) -> Iterator[JudgeResult]:
        for number, task in enumerate(JudgeJob(judge, CONTEXT, plan).tasks()):
            asked_of.append(number)
            yield collect([task], texts[number % len(texts)]).judgments

    with pytest.raises(ParamsError) as caught:
        list(refuse_all_cut_off(judge, results("A" + CUT, "Hm" + THINKING)))

    assert len(asked_of) == 20
    assert "cut off after 4 tokens" in caught.value.problem
    assert "raise letter_tokens" in caught.value.remedy
    assert len(list(refuse_all_cut_off(judge, results(*["A" + CUT] * 19, "A")))) == 40
    assert len(list(refuse_all_cut_off(judge, results("no idea")))) == 40


def test_a_second_call_that_fails_is_the_rejection_of_the_judgment() -> None:
    collected = asked(of_method("pairwise"), "A" + CUT, FAILS)

    assert [rejection.reason for rejection in collected.rejections] == ["timeout"]
    assert collected.judgments == []


def test_a_budget_of_adaptive_judging_lets_no_call_be_made_twice() -> None:
    params = {"name": "j", "method": "pairwise", "endpoint": MODEL}
    for adaptive, again in (({"max_calls": 10}, False), ({}, True)):
        section = JudgeParams.model_validate({"judges": [params], "adaptive": adaptive})
        plan: list[Comparison] = [comparison()]
        (job,) = Batches(section, [JudgeJob(section.judges[0], CONTEXT, plan)], dict).next(
            [NOTHING_YET]
        )

        assert isinstance(job.judge, ComparingJudge)
        assert job.judge.ask_again is again


@pytest.mark.parametrize("method", LETTERS)
def test_a_structured_verdict_is_held_to_a_schema_and_read_from_its_object(method: str) -> None:
    judge = of_method(method, structured=True, ties=True)
    examples = (Example(comparison("x", "y"), "second"),)
    context = JudgeContext(material=CONTEXT.material, examples=examples)
    texts = ("Because.",) if method == "reasoned" else ()
    collected = asked(judge, *texts, '{"verdict": "C"}', context=context)
    request = collected.requests[-1]
    schema = request.body["response_format"]["json_schema"]["schema"]

    assert collected.sides == ["tie"]
    assert schema["properties"]["verdict"]["enum"] == ["A", "B", "C"]
    assert request.sampling.max_tokens >= 24
    assert {"role": "assistant", "content": '{"verdict": "B"}'} in request.messages


def test_a_structured_ranking_is_held_to_a_schema() -> None:
    judge = of_method("listwise", structured=True)
    collected = asked(judge, orjson.dumps({"reasons": "1 > 2?", "ranking": "2 > 1"}).decode())
    schema = collected.requests[0].body["response_format"]["json_schema"]["schema"]

    assert collected.judgments[0].verdict.side == "second"
    assert list(schema["properties"]) == ["reasons", "ranking"]


def test_reasons_of_invalid_verdicts_are_counted_and_cut_off_ones_named_with_the_remedy() -> None:
    judge = of_method("pairwise", ask_again=False)
    texts = ("A" + CUT, "Hm" + THINKING, "no idea", "A")
    plan = [comparison(f"a{n}", f"b{n}", prompt(f"q{n}")) for n in range(4)]
    collected = collect(JudgeJob(judge, CONTEXT, plan).tasks(), *texts)
    table, _ = judgment_rows(judge, [collected.judgments])
    reasons = invalid_reasons(
        Counter(
            (row["judge"], row["invalid_reason"])
            for row in table.to_pylist()
            if row["invalid_reason"] is not None
        )
    )

    assert reasons == {"j": {"cut_off": 1, "no_verdict": 1, "reasoning_only": 1}}
    assert cut_off_warnings(reasons, [judge]) == [
        "j: 2 replies cut off before the verdict, 1 of them while the model was still "
        "reasoning; raise letter_tokens of the judge"
    ]
    assert table["rationale"].to_pylist() == ["A", "", "no idea", None]


def test_the_reasoning_of_a_judge_is_kept_apart_and_its_answer_alone_is_read() -> None:
    judge = of_method("reasoned")
    thought = "Is it A?" + THOUGHT
    collected = asked(judge, thought + "The second is right.", "Still A?" + THOUGHT + "B")
    (row,) = judgment_rows(judge, [collected.judgments])[0].to_pylist()

    assert (row["verdict"], row["rationale"]) == ("second", "The second is right.")
    assert row["reasoning"] == "Is it A?\n\nStill A?"
    assert collected.requests[1].messages[1]["content"] == "The second is right."


def test_reasoning_behind_several_judgments_is_on_the_one_that_is_billed_for_it() -> None:
    judge = of_method("listwise")
    plan = [
        Comparison(prompt(), response(a), response(b))
        for a, b in (("x", "y"), ("y", "z"), ("x", "z"))
    ]
    collected = collect(JudgeJob(judge, CONTEXT, plan).tasks(), "Hm." + THOUGHT + "1 > 2 > 3")
    table, _ = judgment_rows(judge, [collected.judgments])

    assert sorted(table["reasoning"].to_pylist(), key=str) == ["Hm.", None, None]
