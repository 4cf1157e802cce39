from __future__ import annotations

import pytest

from prefline.simulator.wire import ApiError, parse_chat
from tasks.judge.context import JudgeContext
from tasks.judge.methods.generative_reward import (
    GenerativeReward,
    GenerativeRewardJudge,
    genrm_messages,
    read_ranking,
)
from tests.tasks.judge.material import MODEL, comparison, reply
from tests.tasks.judge.scripted_judge import CUT, FAILS, collect

SCORES = (
    "Some reasons.\n[The Begin of Individual Scores]\n\\boxed{4, 2}\n"
    "[The End of Individual Scores]\n"
)


def ranked(rank: object) -> str:
    return f"{SCORES}[The Begin of Ranking Score]\n\\boxed{{{rank}}}\n[The End of Ranking Score]"


JUDGE = GenerativeRewardJudge(name="genrm", method="generative_reward", endpoint=MODEL)


def test_the_answers_stand_in_turns_of_their_own_roles() -> None:
    pair = comparison("4", "5")

    assert [turn["role"] for turn in genrm_messages(pair)] == ["user", "response_1", "response_2"]
    assert [turn["content"] for turn in genrm_messages(pair.swapped())][1:] == ["5", "4"]
    assert genrm_messages(pair, "Be right.")[1] == {"role": "principle", "content": "Be right."}


@pytest.mark.parametrize(
    ("rank", "side", "p_first"),
    [(1, "first", 11 / 12), (3, "first", 7 / 12), (4, "second", 5 / 12), (6, "second", 1 / 12)],
)
def test_the_ranking_score_is_the_verdict(rank: int, side: str, p_first: float) -> None:
    verdict = read_ranking(reply(ranked(rank)))

    assert (verdict.side, verdict.p_first) == (side, pytest.approx(p_first))
    assert verdict.rationale is not None
    assert verdict.rationale.startswith("Some reasons.")


@pytest.mark.parametrize(
    ("text", "side"),
    [(SCORES, "first"), (SCORES.replace("4, 2", "1,3"), "second"),
     (SCORES.replace("4, 2", "3, 3"), "tie"), (ranked(1).replace("Some", "\\boxed{6}"), "first")],
)  # fmt: skip
def test_without_a_ranking_the_scores_decide_and_of_several_boxes_the_last(
    text: str, side: str
) -> None:
    assert read_ranking(reply(text)).side == side


@pytest.mark.parametrize(
    ("text", "reason", "finish"),
    [
        (ranked(7), "out_of_form", "stop"),
        (ranked("good"), "no_verdict", "stop"),
        ("Both are fine.", "no_verdict", "stop"),
        ("", "empty", "stop"),
        (SCORES, "cut_off", "length"),
    ],
)
def test_a_reply_without_a_ranking_is_invalid_and_says_why(
    text: str, reason: str, finish: str
) -> None:
    verdict = read_ranking(reply(text, finish_reason=finish, max_tokens=64))

    assert (verdict.side, verdict.reason) == ("invalid", reason)
    assert verdict.rationale == text


def test_a_reply_that_was_cut_off_is_asked_for_once_more_and_a_failed_call_is_a_rejection() -> None:
    tasks = GenerativeReward().judge_tasks(JUDGE, JudgeContext(), [comparison()])
    collected = collect(tasks, SCORES + CUT, ranked(2))
    failed = collect(GenerativeReward().judge_tasks(JUDGE, JudgeContext(), [comparison()]), FAILS)

    assert collected.sides == ["first"]
    assert [one.sampling.max_tokens for one in collected.requests] == [4096, 8192]
    assert [one.reason for one in failed.rejections] == ["timeout"]


@pytest.mark.parametrize(
    "roles",
    [["user", "response_1"], ["user", "response_2", "response_1"],
     ["response_1", "response_2", "user"], ["user", "judge"]],
)  # fmt: skip
def test_the_simulator_refuses_answers_in_another_form(roles: list[str]) -> None:
    body = {"model": "m", "messages": [{"role": role, "content": "x"} for role in roles]}

    with pytest.raises(ApiError):
        parse_chat(body, 0)
