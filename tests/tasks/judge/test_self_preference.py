from __future__ import annotations

import pytest

from prefline.config import Endpoint, PairwiseJudge
from prefline.errors import ParamsError
from tasks.judge.comparisons import Comparison, Response
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import plan_comparisons
from tasks.judge.self_preference import family_of, self_preference_warnings
from tests.tasks.judge.material import prompt


def judge(model: str = "gpt-4.1", own: str = "warn", family: str | None = None) -> PairwiseJudge:
    endpoint = Endpoint(base_url="http://host/v1", model=model, family=family)
    return PairwiseJudge.model_validate(
        {"name": "j", "method": "pairwise", "endpoint": endpoint, "own_family": own}
    )


def pair(first: str, second: str) -> Comparison:
    return Comparison(
        prompt(), Response("1", "x", "stop", first), Response("2", "y", "stop", second)
    )


@pytest.mark.parametrize(
    ("model", "family"),
    [("gpt-4o-mini", "gpt"), ("meta-llama/Llama-3.1-8B", "llama"), ("claude-2.1", "claude"),
     ("SmolLM2-135M-Instruct", "smollm"), ("o3", "openai")],
)  # fmt: skip
def test_a_family_is_the_first_word_of_a_name_unless_params_know_better(
    model: str, family: str
) -> None:
    assert family_of(model, {"o3": "OpenAI"}) == family


def test_a_judge_of_its_own_family_is_warned_of() -> None:
    (warning,) = self_preference_warnings([judge()], {}, ["gpt-3.5-turbo", "claude-2.1"])

    assert "gpt-3.5-turbo" in warning
    assert "claude" not in warning
    assert self_preference_warnings([judge()], {}, ["claude-2.1"]) == []


def test_a_judge_of_nothing_but_its_own_family_is_told_apart() -> None:
    (warning,) = self_preference_warnings([judge()], {}, ["gpt-3.5-turbo", "gpt-4.1"])

    assert "hardly stronger" in warning


def test_a_judge_of_its_own_family_is_refused_where_params_say_so() -> None:
    with pytest.raises(ParamsError, match=r"gpt-3\.5-turbo"):
        self_preference_warnings([judge(own="refuse")], {}, ["gpt-3.5-turbo"])


def test_an_endpoint_can_say_its_family() -> None:
    assert self_preference_warnings([judge("o3", family="GPT")], {}, ["gpt-4o"])


def test_pairs_with_one_answer_of_its_own_are_left_out_where_params_say_so() -> None:
    mixed, both, none = pair("gpt-4o", "claude-2"), pair("gpt-4o", "gpt-3"), pair("a", "b")
    one_order = judge(own="skip").model_copy(update={"orders": "random"})

    assert list(plan_comparisons([mixed, both, none], one_order, JudgeContext())) == [both, none]
