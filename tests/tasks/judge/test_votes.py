from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import BatchLimits, Endpoint, EngineParams, Judge, JudgeParams, Prices
from prefline.llm import Engine, ReplyStore, Request, dry_run
from prefline.llm.conversation import Conversation
from prefline.simulator import Batching, SimulatorConfig, planted_text
from prefline.simulator import Judge as SimulatedJudge
from prefline.tables import JUDGMENTS
from tasks.judge.batches import Batches
from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import JudgeJob, plan_comparisons, question_hashes
from tasks.judge.results import JudgeResult, Judgment, VoteCounts, judgment_rows
from tasks.judge.votes import majority, share_first
from tests.simulated import threaded_server
from tests.tasks.judge.material import MODEL, comparison, prompt, response
from tests.tasks.judge.scripted_judge import CUT, FAILS, reply_to

PRICED = Prices(input=1.0, output=1.0)


def judge_of(method: str, votes: int, endpoint: Endpoint = MODEL, **params: Any) -> Judge:
    one = {"name": "j", "method": method, "endpoint": endpoint, "votes": votes, **params}
    return JudgeParams.model_validate({"judges": [one]}).judges[0]


def asked(
    judge: Judge, plan: list[Comparison], *texts: str
) -> tuple[list[JudgeResult], list[Request]]:
    """What comes of a job whose calls are answered with `texts` in turn, and the calls."""
    job, requests = JudgeJob(judge, JudgeContext(), plan), list[Request]()

    def converse(tasks: Any) -> Any:
        for task in tasks:
            conversation = Conversation(task)
            while conversation.request is not None:
                requests.append(conversation.request)
                text = texts[(len(requests) - 1) % len(texts)]
                conversation.send(reply_to(conversation.request, text))
            yield conversation.result

    return list(job.collect(converse)), requests


def test_the_share_of_the_votes_is_the_probability_and_their_counts_are_kept() -> None:
    results, requests = asked(judge_of("pairwise", 5), [comparison()], "A", "A", "B", "A", "hm")
    (row,) = judgment_rows(judge_of("pairwise", 5), results)[0].to_pylist()

    assert (row["verdict"], row["p_first"]) == ("first", 0.75)
    assert [row[f"votes_{side}"] for side in ("first", "second", "tie", "invalid")] == [3, 1, 0, 1]
    assert row["request_key"].split() == [request.key for request in requests]
    assert row["cost_usd"] == 2.5


def test_each_vote_is_another_sample_at_the_temperature_and_asks_for_no_log_probabilities() -> None:
    _, requests = asked(judge_of("pairwise", 3, temperature=0.7), [comparison()], "A")

    assert {request.sampling.temperature for request in requests} == {0.7}
    assert [request.sample_index for request in requests] == [0, 1, 2]
    assert len({request.key for request in requests}) == 3
    assert len({request.sampling.seed for request in requests}) == 3
    assert {request.top_logprobs for request in requests} == {0}


def test_one_vote_is_greedy_and_the_same_call_as_ever() -> None:
    results, (request,) = asked(judge_of("pairwise", 1), [comparison()], "A")
    (row,) = judgment_rows(judge_of("pairwise", 1), results)[0].to_pylist()

    assert (request.sampling.temperature, request.sample_index) == (0.0, 0)
    assert request.top_logprobs > 0
    assert row["votes_first"] is None


@pytest.mark.parametrize(
    ("texts", "side", "reason"),
    [
        pytest.param(("hm",), "invalid", "no_verdict", id="all invalid"),
        pytest.param(("A", "B"), "tie", None, id="as many for each"),
        pytest.param(("C", "A", "C"), "tie", None, id="mostly ties"),
    ],
)
def test_the_majority_is_the_verdict(texts: tuple[str, ...], side: str, reason: str | None) -> None:
    judge = judge_of("pairwise", len(texts) * 2, ties=True)
    ((judgment,),), _ = asked(judge, [comparison()], *texts)

    assert isinstance(judgment, Judgment)
    assert (judgment.verdict.side, judgment.verdict.reason) == (side, reason)
    assert (judgment.verdict.rationale is None) == (side != "invalid")


@given(*[st.integers(0, 5)] * 4)
def test_a_majority_never_contradicts_the_share(
    first: int, second: int, tie: int, invalid: int
) -> None:
    counts = VoteCounts(first, second, tie, invalid)
    share, side = share_first(counts), majority(counts)

    assert (share is None) == (side == "invalid")
    if share is not None:
        assert side == "tie" or (share > 0.5) == (side == "first")


def test_a_vote_that_fails_is_a_rejection_of_its_own_and_the_others_count() -> None:
    judge = judge_of("pairwise", 3)
    results, _ = asked(judge, [comparison()], "A", FAILS, "B")
    table, (rejection,) = judgment_rows(judge, results)

    assert table["votes_first"].to_pylist() == [1]
    assert rejection.id != table["judgment_id"][0].as_py()
    assert "vote 2 of 3" in (rejection.detail or "")


def test_where_all_votes_fail_the_judgment_is_the_rejection() -> None:
    judge = judge_of("pairwise", 3)
    results, _ = asked(judge, [comparison()], FAILS)
    table, (rejection,) = judgment_rows(judge, results)

    assert table.num_rows == 0
    assert rejection.reason == "timeout"
    assert "all 3 votes failed" in (rejection.detail or "")


def test_a_vote_that_was_cut_off_is_asked_for_once_more_as_the_same_vote() -> None:
    _, requests = asked(judge_of("pairwise", 2), [comparison()], "A better" + CUT, "B", "B")

    assert [request.sample_index for request in requests] == [0, 0, 1]
    assert [request.sampling.max_tokens for request in requests] == [4, 8, 4]


SAYS = {
    "pairwise": ("A", "B", "A"),
    "reasoned": ("So.", "A", "Because.", "B", "So.", "A"),
    "listwise": ("1 > 2 > 3", "3 > 2 > 1", "1 > 2 > 3"),
    "rubric": tuple(f'{{"right": {n}}}' for n in (3, 2, 1, 1, 2, 3, 3, 2, 1)),
}


@pytest.mark.parametrize("method", SAYS)
def test_every_method_can_be_asked_for_votes_and_every_call_is_charged_once(method: str) -> None:
    params: dict[str, Any] = {"orders": "random"} if method != "rubric" else {}
    if method == "rubric":
        params["criteria"] = [{"name": "right", "asks": "is right"}]
    judge = judge_of(method, 3, **params)
    of = prompt()
    plan = [Comparison(of, *two) for two in combinations([response(f"t{n}") for n in range(3)], 2)]
    results, requests = asked(judge, plan, *SAYS[method])
    table, _ = judgment_rows(judge, results)

    assert len(requests) == JudgeJob(judge, JudgeContext(), plan).calls
    assert table.num_rows == 3
    for row in table.to_pylist():
        assert row["votes_first"] + row["votes_second"] == 3
        assert row["p_first"] in (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert sum(table["cost_usd"].to_pylist()) == pytest.approx(0.5 * len(requests))


def test_the_number_of_votes_and_their_temperature_are_part_of_what_is_asked() -> None:
    judges = [judge_of("pairwise", 1), judge_of("pairwise", 3), judge_of("pairwise", 5),
              judge_of("pairwise", 3, temperature=0.5)]  # fmt: skip
    wordings = {question_hashes([one], [JudgeContext()])["j"]["wording"] for one in judges}

    assert len(wordings) == 4


@pytest.mark.parametrize("mode", ["live", "batch"])
def test_votes_are_bought_once_as_estimated_and_one_batch_holds_all_of_them(
    mode: str, tmp_path: Path
) -> None:
    config = SimulatorConfig(
        judges={"sim": SimulatedJudge(accuracy=0.8)}, batch=Batching(latency_ms=20)
    )
    pairs = []
    for number in range(6):
        of = prompt(f"Question {number}?", None)
        answers = (planted_text(quality, 100, of.text, seed=number) for quality in (1.0, -1.0))
        pairs.append(Comparison(of, *(response(text) for text in answers)))
    with threaded_server(config) as server:
        endpoint = Endpoint.model_validate(
            {"base_url": server.base_url, "model": "sim", "mode": mode, "prices": PRICED,
             "batch": BatchLimits(poll_s=0.02)}
        )  # fmt: skip
        judge = judge_of("pairwise", 4, endpoint)
        job = JudgeJob(judge, JudgeContext(), list(plan_comparisons(pairs, judge, JudgeContext())))
        tables = []
        for again in (False, True):
            with ReplyStore(tmp_path / "replies.db") as store:
                requests, exact = dry_run(job.tasks(), store)
                assert exact
                assert len(requests) == job.calls == 48
                assert sum(request.key not in store for request in requests) == (0 if again else 48)
            with (
                ReplyStore(tmp_path / "replies.db") as store,
                Engine([endpoint], EngineParams(), store, batches=tmp_path / "b") as engine,
            ):
                tables.append(judgment_rows(judge, job.collect(engine.converse))[0])
        stats = server.stats()

    assert tables[0].equals(tables[1])
    assert stats.requests == 48
    assert all(0 <= share <= 1 for share in tables[0]["p_first"].to_pylist())
    assert len(set(tables[0]["votes_first"].to_pylist())) > 1


def test_a_budget_of_adaptive_judging_counts_every_vote() -> None:
    one = {"name": "j", "method": "pairwise", "endpoint": MODEL, "votes": 3}
    section = JudgeParams.model_validate({"judges": [one], "adaptive": {"max_calls": 31}})
    plan = [Comparison(prompt(f"q{n}"), response(f"a{n}"), response(f"b{n}")) for n in range(40)]
    batches = Batches(section, [JudgeJob(section.judges[0], JudgeContext(), plan)], dict)
    asked = sum(job.calls for job in batches.next([JUDGMENTS.empty_table()]))

    assert 27 <= asked <= 31


def test_the_card_says_how_often_and_by_which_prompt_a_judge_was_asked() -> None:
    judge = judge_of("pairwise", 3, prompt="data/judges/mine.md", ties=True)

    assert judge.description == "pairwise, 3 votes, by a prompt of its own, ties offered"
    assert judge_of("rubric", 1).description == "rubric"
