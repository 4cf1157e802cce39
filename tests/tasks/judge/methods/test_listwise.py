from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.methods.listwise import Listwise, ListwiseJudge, listings
from tasks.judge.own_words import own_words
from tasks.judge.results import judgment_rows
from tasks.judge.verdict_parser import parse_ranking
from tests.tasks.judge.material import MODEL, prompt, response
from tests.tasks.judge.scripted_judge import FAILS, Collected, collect

JUDGE = ListwiseJudge(name="l", method="listwise", endpoint=MODEL)


def pairs_of(count: int) -> list[Comparison]:
    of = prompt()
    return [
        Comparison(of, *two)
        for two in combinations([response(f"text {n}", f"{n}") for n in range(count)], 2)
    ]


def asked(plan: list[Comparison], *texts: str, judge: ListwiseJudge = JUDGE) -> Collected:
    return collect(Listwise().judge_tasks(judge, JudgeContext(), plan), *texts)


@pytest.mark.parametrize(
    ("text", "ranks"),
    [
        pytest.param("2 > 1 > 3", [2, 1, 3], id="plain"),
        pytest.param("Because.\n[3] > [1] = [2]", [2, 2, 1], id="brackets and a tie"),
        pytest.param("1 > 2 > 3, no: 3>2>1", [3, 2, 1], id="the last one binds"),
        pytest.param("1 > 2", None, id="one is missing"),
        pytest.param("1 > 2 > 2 > 3", None, id="one is named twice"),
        pytest.param("1 > 2 > 3 > 4", None, id="one too many"),
        pytest.param("the first", None, id="words"),
        pytest.param("２＞１＝３", [2, 1, 2], id="full width"),
        pytest.param('{"ranking": "3 \\u003e 1 > 2"}', [2, 3, 1], id="JSON"),
        pytest.param('{"ranking": [2, [1, 3]]}', [2, 1, 2], id="JSON list"),
        pytest.param("<think>1 > 2 > 3</think>3 > 2 > 1", [3, 2, 1], id="not the reasoning"),
        pytest.param("3 > 2 > 1, as 1 > 2 is wrong", [3, 2, 1], id="the last complete one"),
        pytest.param("", None, id="nothing"),
        pytest.param("9" * 5_000 + " > 1", None, id="an endless number"),
    ],
)
def test_a_ranking_names_every_number_once_or_is_none(text: str, ranks: list[int] | None) -> None:
    assert parse_ranking(own_words(text), 3) == ranks


def test_a_ranking_becomes_a_verdict_on_every_pair_in_the_order_shown() -> None:
    one_order = JUDGE.model_copy(update={"orders": "random"})
    collected = asked(pairs_of(3), "3 > 1 = 2", judge=one_order)
    shown = listings(JUDGE, 0, pairs_of(3))[0].answers
    place = {answer.response_id: number for number, answer in enumerate(shown, 1)}
    said = {
        (place[o.comparison.first.response_id], place[o.comparison.second.response_id]):
        o.verdict.side for o in collected.judgments
    }  # fmt: skip

    assert said == {(1, 2): "tie", (1, 3): "second", (2, 3): "second"}


def test_in_both_orders_every_pair_is_seen_both_ways_round() -> None:
    collected = asked(pairs_of(4), "1 > 2 > 3 > 4")
    seen = {
        (o.comparison.first.response_id, o.comparison.second.response_id)
        for o in collected.judgments
    }

    assert len(seen) == len(collected.judgments) == 12
    assert all((second, first) in seen for first, second in seen)
    assert collected.sides == ["first"] * 12, "who is nearer the top is shown first"


def test_an_unreadable_ranking_is_invalid_for_every_pair_and_kept() -> None:
    collected = asked(pairs_of(3), "They are all fine.")

    assert collected.sides == ["invalid"] * 6
    assert {one.verdict.rationale for one in collected.judgments} == {"They are all fine."}


@given(
    st.integers(2, 9), st.integers(2, 5), st.lists(st.sampled_from(["2 > 1", FAILS]), min_size=1)
)
def test_every_pair_ends_once_in_each_order_and_every_call_is_charged_once(
    count: int, most: int, texts: list[str]
) -> None:
    judge = JUDGE.model_copy(update={"max_listed": most})
    plan = pairs_of(count)
    collected = asked(plan, *texts, judge=judge)
    table, _ = judgment_rows(judge, [collected.judgments])
    ended = [one.comparison.pair_id for one in collected.judgments]

    assert len(collected.judgments) + len(collected.rejections) == 2 * len(plan)
    assert all(ended.count(pair) <= 2 for pair in ended)
    assert len(set(table["judgment_id"].to_pylist())) == table.num_rows
    assert sum(table["cost_usd"].to_pylist()) == 0.5 * len(set(table["request_key"].to_pylist()))
    assert len(collected.requests) == Listwise().calls(judge, JudgeContext(), plan)


@given(st.integers(2, 12), st.integers(2, 6))
def test_no_list_is_longer_than_params_allow(count: int, most: int) -> None:
    made = listings(JUDGE.model_copy(update={"max_listed": most}), 0, pairs_of(count))

    assert all(len(listing.answers) <= most for listing in made)
    assert sum(len(listing.comparisons) for listing in made) == len(pairs_of(count))
