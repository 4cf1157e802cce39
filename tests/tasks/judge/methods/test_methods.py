from __future__ import annotations

from dataclasses import replace

import pytest

from prefline.config import Judge
from prefline.config.principles import Principle
from prefline.tables import JUDGMENTS
from tasks.judge.comparisons import Comparison
from tasks.judge.context import Example, JudgeContext
from tasks.judge.methods import method_of
from tasks.judge.methods.constitution import Constitution, ConstitutionJudge
from tasks.judge.methods.reasoned import ReasonedJudge
from tasks.judge.methods.reference import Reference, ReferenceJudge
from tasks.judge.results import judgment_rows
from tests.tasks.judge.material import MODEL, comparison, prompt
from tests.tasks.judge.scripted_judge import FAILS, Collected, collect

REASONED = ReasonedJudge(name="r", method="reasoned", endpoint=MODEL)
REFERENCE = ReferenceJudge(name="f", method="reference", endpoint=MODEL)
ONE = ConstitutionJudge(name="c", method="constitution", endpoint=MODEL)
ALL = ONE.model_copy(update={"draw": "all"})
CONSTITUTION = JudgeContext(
    material=(Principle("brief", "the brief one."), Principle("kind", "kind."))
)


def asked(judge: Judge, context: JudgeContext, plan: list[Comparison], *texts: str) -> Collected:
    return collect(method_of(judge).judge_tasks(judge, context, plan), *texts)


def test_reasons_come_in_a_call_of_their_own_and_the_letter_follows_from_them() -> None:
    collected = asked(REASONED, JudgeContext(), [comparison()], "The first is wrong.", "B")
    reasons, letter = collected.requests

    assert collected.sides == ["second"]
    assert collected.judgments[0].verdict.rationale == "The first is wrong."
    assert (reasons.top_logprobs, letter.top_logprobs) == (0, 10)
    assert letter.messages[:1] == reasons.messages
    assert letter.messages[1] == {"role": "assistant", "content": "The first is wrong."}


def test_both_calls_of_a_reasoned_verdict_are_billed_and_named() -> None:
    collected = asked(REASONED, JudgeContext(), [comparison()], "Because.", "A")
    table, _ = judgment_rows(REASONED, [collected.judgments])
    (row,) = table.to_pylist()

    assert (row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (20, 4, 1.0)
    assert row["request_key"].split() == [request.key for request in collected.requests]


@pytest.mark.parametrize(
    ("texts", "side", "rationale"),
    [
        pytest.param(("Hm.", "neither"), "invalid", "Hm.\n\nneither", id="no letter"),
        pytest.param((" ", "A"), "invalid", " ", id="no reasons"),
    ],
)
def test_the_raw_reply_of_an_invalid_reasoned_verdict_is_kept(
    texts: tuple[str, ...], side: str, rationale: str
) -> None:
    (judged,) = asked(REASONED, JudgeContext(), [comparison()], *texts).judgments

    assert (judged.verdict.side, judged.verdict.rationale) == (side, rationale)


@pytest.mark.parametrize("texts", [(FAILS,), ("Because.", FAILS)], ids=["reasons", "letter"])
def test_a_reasoned_verdict_whose_call_fails_is_a_rejection(texts: tuple[str, ...]) -> None:
    collected = asked(REASONED, JudgeContext(), [comparison()], *texts)

    assert collected.judgments == []
    assert [one.reason for one in collected.rejections] == ["timeout"]


def test_an_example_with_reasons_shows_both_steps() -> None:
    context = JudgeContext(examples=(Example(comparison("x", "y"), "first", "x is so."),))
    collected = asked(REASONED, context, [comparison()], "Because.", "A")
    turns = [message["content"] for message in collected.requests[0].messages]

    assert turns[1] == "x is so."
    assert turns[3] == "A"


def test_a_reference_is_shown_and_a_prompt_without_one_is_not_asked_about() -> None:
    with_one = comparison(of=replace(prompt(), reference="It is four."))
    collected = asked(REFERENCE, JudgeContext(), [with_one], "A")
    applies = Reference().applies

    assert "It is four." in collected.requests[0].messages[0]["content"]
    assert applies(JudgeContext(), with_one)
    assert not applies(JudgeContext(), comparison())


def test_one_principle_is_drawn_for_a_pair_and_it_is_the_same_in_both_orders() -> None:
    plan = [comparison(f"a{n}", f"b{n}", prompt(f"q{n}")) for n in range(40)]
    pairs = [one._replace(first=replace(one.first, response_id=f"{n:016x}"))
             for n, one in enumerate(plan)]  # fmt: skip
    collected = asked(ONE, CONSTITUTION, [o for one in pairs for o in (one, one.swapped())], "A")
    drawn = [one.principle for one in collected.judgments]

    assert drawn[::2] == drawn[1::2]
    assert set(drawn) == {"brief", "kind"}
    assert len(collected.requests) == Constitution().calls(ONE, CONSTITUTION, pairs) * 2


def test_all_principles_make_a_row_each_under_ids_of_their_own() -> None:
    collected = asked(ALL, CONSTITUTION, [comparison()], "A", "B")
    table, _ = judgment_rows(ALL, [collected.judgments])

    assert table["principle"].to_pylist() == ["brief", "kind"]
    assert table["verdict"].to_pylist() == ["first", "second"]
    assert len(set(table["judgment_id"].to_pylist())) == 2
    assert "the brief one." in collected.requests[0].messages[0]["content"]
    assert table.schema == JUDGMENTS


def test_what_a_method_says_it_will_call_is_what_it_calls() -> None:
    plan = [comparison(), comparison().swapped()]
    for judge, context in ((REASONED, JudgeContext()), (ONE, CONSTITUTION), (ALL, CONSTITUTION)):
        collected = asked(judge, context, plan, "A")
        assert len(collected.requests) == method_of(judge).calls(judge, context, plan)
