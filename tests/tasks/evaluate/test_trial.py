"""Which prompts policies are tried on, which policies, and what they are asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import Endpoint, EvaluateParams, PairwiseJudge, PolicyTest
from prefline.errors import ParamsError
from prefline.llm import Outcome, Reply, Request, Usage
from prefline.reward.models import Kind, Trained
from tasks.evaluate.trial import draw_prompts, policies_on_trial, trial_requests, try_policy
from tests.tasks.evaluate.material import prompt

CHECK = '{"kind": "exact", "answers": ["yes"]}'
PROMPTS = [prompt(f"question {n}", CHECK if n % 2 else None) for n in range(20)]
JUDGE = PairwiseJudge(name="j", method="pairwise", endpoint=Endpoint(model="other"))


def section(**policy: object) -> EvaluateParams:
    return EvaluateParams.model_validate({"policy": policy})


def trained(kind: Kind) -> Trained:
    return Trained(kind, "demo-1-dpo-1234", {}, "base", {})


@given(st.permutations(PROMPTS), st.integers(1, 10), st.integers(1, 10))
def test_the_draw_knows_no_order_and_a_larger_one_adds_to_a_smaller(
    prompts: list[object], one: int, other: int
) -> None:
    small, large = sorted((one, other))
    drawn = draw_prompts(prompts, section(max_prompts=small))  # type: ignore[arg-type]

    assert drawn == draw_prompts(PROMPTS, section(max_prompts=small))
    assert len(drawn) == small
    more = draw_prompts(PROMPTS, section(max_prompts=large))
    assert {each.prompt_id for each in drawn} <= {each.prompt_id for each in more}


def test_prompts_without_a_check_are_of_use_to_a_judge_only() -> None:
    judged = EvaluateParams(policy=PolicyTest(judge=JUDGE, max_prompts=None))

    assert all(one.verifier for one in draw_prompts(PROMPTS, section(max_prompts=None)))
    assert len(draw_prompts(PROMPTS, judged)) == 20
    assert draw_prompts([one for one in PROMPTS if not one.verifier], section()) == []


def test_a_reward_model_is_tried_on_answers_of_the_base_alone(tmp_path: Path) -> None:
    test = PolicyTest(endpoint=Endpoint(model="b"), previous=Endpoint(model="p"))

    assert list(policies_on_trial(trained("reward_head"), test, tmp_path)) == ["base"]


def test_a_policy_is_served_from_its_own_weights_or_by_whom_params_name(tmp_path: Path) -> None:
    test = PolicyTest(endpoint=Endpoint(model="b"), previous=Endpoint(model="p"))
    with pytest.raises(ParamsError, match=r"has no policy\.gguf"):
        policies_on_trial(trained("policy"), test, tmp_path)
    (tmp_path / "policy.gguf").write_bytes(b"GGUF")
    found = policies_on_trial(trained("policy"), test, tmp_path)
    served = test.model_copy(update={"tuned": Endpoint(model="t")})

    assert {name: one.model for name, one in found.items()} == {
        "base": "b", "tuned": "demo-1-dpo-1234", "previous": "p",
    }  # fmt: skip
    assert policies_on_trial(trained("policy"), served, tmp_path)["tuned"].model == "t"


class Thinker:
    """In place of an engine: a model of which every second reply is nothing but reasoning."""

    def answer(self, requests: Iterable[Request]) -> Iterator[Outcome]:
        for number, request in enumerate(requests):
            text, ending = ("", "reasoning_only") if number % 2 else ("yes", "stop")
            yield Reply(request, text, ending, (), Usage(1, 9), 0.0, cached=False)


def test_a_reply_that_is_all_reasoning_is_left_out_with_the_remedy() -> None:
    engine: Any = Thinker()
    trial = try_policy(engine, PROMPTS[:3], "m", section(samples_per_prompt=2))

    assert [row["text"] for row in trial.rows] == ["yes"] * 3
    assert {one.reason for one in trial.left_out} == {"reasoning_only"}
    assert "raise evaluate.policy.max_tokens" in (trial.left_out[0].detail or "")


def test_two_policies_are_asked_with_the_same_seeds_and_no_two_samples_are() -> None:
    one, other = (
        list(trial_requests(PROMPTS[:3], name, section(samples_per_prompt=4)))
        for name in ("one", "other")
    )

    assert [r.sampling for r in one] == [r.sampling for r in other]
    assert len({r.sampling.seed for r in one}) == len(one) == 12
    assert len({r.key for r in [*one, *other]}) == 24
