from __future__ import annotations

from dataclasses import replace

import pytest

from prefline.config import ConstitutionJudge, Judge, ReasonedJudge, ReferenceJudge
from prefline.config.principles import Principle
from prefline.tables import JUDGMENTS
from tasks.judge.comparisons import Comparison
from tasks.judge.examples import Example
from tasks.judge.kit import Kit
from tasks.judge.methods import METHODS
from tasks.judge.shard import judgment_rows
from tests.tasks.judge.hearing import FAILS, Heard, hear
from tests.tasks.judge.material import MODEL, comparison, prompt

REASONED = ReasonedJudge(name="r", method="reasoned", endpoint=MODEL)
REFERENCE = ReferenceJudge(name="f", method="reference", endpoint=MODEL)
ONE = ConstitutionJudge(name="c", method="constitution", endpoint=MODEL)
ALL = ONE.model_copy(update={"draw": "all"})
CONSTITUTION = Kit(principles=(Principle("brief", "the brief one."), Principle("kind", "kind.")))


def asked(judge: Judge, kit: Kit, plan: list[Comparison], *texts: str) -> Heard:
    return hear(METHODS[judge.method].hearings(judge, kit, plan), *texts)


def test_reasons_come_in_a_call_of_their_own_and_the_letter_follows_from_them() -> None:
    heard = asked(REASONED, Kit(), [comparison()], "The first is wrong.", "B")
    reasons, letter = heard.requests

    assert heard.sides == ["second"]
    assert heard.judged[0].verdict.rationale == "The first is wrong."
    assert (reasons.top_logprobs, letter.top_logprobs) == (0, 10)
    assert letter.messages[:1] == reasons.messages
    assert letter.messages[1] == {"role": "assistant", "content": "The first is wrong."}


def test_both_calls_of_a_reasoned_verdict_are_billed_and_named() -> None:
    heard = asked(REASONED, Kit(), [comparison()], "Because.", "A")
    table, _ = judgment_rows(REASONED, [heard.judged])
    (row,) = table.to_pylist()

    assert (row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (20, 4, 1.0)
    assert row["request_key"].split() == [request.key for request in heard.requests]


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
    (judged,) = asked(REASONED, Kit(), [comparison()], *texts).judged

    assert (judged.verdict.side, judged.verdict.rationale) == (side, rationale)


@pytest.mark.parametrize("texts", [(FAILS,), ("Because.", FAILS)], ids=["reasons", "letter"])
def test_a_reasoned_verdict_whose_call_fails_is_a_rejection(texts: tuple[str, ...]) -> None:
    heard = asked(REASONED, Kit(), [comparison()], *texts)

    assert heard.judged == []
    assert [one.reason for one in heard.rejected] == ["timeout"]


def test_an_example_with_reasons_shows_both_steps() -> None:
    kit = Kit(examples=(Example(comparison("x", "y"), "first", "x is so."),))
    heard = asked(REASONED, kit, [comparison()], "Because.", "A")
    turns = [message["content"] for message in heard.requests[0].messages]

    assert turns[1] == "x is so."
    assert turns[3] == "A"


def test_a_reference_is_shown_and_a_prompt_without_one_is_not_asked_about() -> None:
    with_one = comparison(of=replace(prompt(), reference="It is four."))
    heard = asked(REFERENCE, Kit(), [with_one], "A")
    applies = METHODS["reference"].applies

    assert "It is four." in heard.requests[0].messages[0]["content"]
    assert applies(Kit(), with_one)
    assert not applies(Kit(), comparison())


def test_one_principle_is_drawn_for_a_pair_and_it_is_the_same_in_both_orders() -> None:
    plan = [comparison(f"a{n}", f"b{n}", prompt(f"q{n}")) for n in range(40)]
    pairs = [replace(one, first=replace(one.first, response_id=f"{n:016x}"))
             for n, one in enumerate(plan)]  # fmt: skip
    heard = asked(ONE, CONSTITUTION, [o for one in pairs for o in (one, one.swapped())], "A")
    drawn = [one.principle for one in heard.judged]

    assert drawn[::2] == drawn[1::2]
    assert set(drawn) == {"brief", "kind"}
    assert len(heard.requests) == METHODS["constitution"].calls(ONE, CONSTITUTION, pairs) * 2


def test_all_principles_make_a_row_each_under_ids_of_their_own() -> None:
    heard = asked(ALL, CONSTITUTION, [comparison()], "A", "B")
    table, _ = judgment_rows(ALL, [heard.judged])

    assert table["principle"].to_pylist() == ["brief", "kind"]
    assert table["verdict"].to_pylist() == ["first", "second"]
    assert len(set(table["judgment_id"].to_pylist())) == 2
    assert "the brief one." in heard.requests[0].messages[0]["content"]
    assert table.schema == JUDGMENTS


def test_what_a_method_says_it_will_call_is_what_it_calls() -> None:
    plan = [comparison(), comparison().swapped()]
    for judge, kit in ((REASONED, Kit()), (ONE, CONSTITUTION), (ALL, CONSTITUTION)):
        heard = asked(judge, kit, plan, "A")
        assert len(heard.requests) == METHODS[judge.method].calls(judge, kit, plan)
