"""Judging method `reward_model`: the answer with the higher reward by a trained model is better."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from prefline.config import BUNDLED_EMBEDDER, Endpoint, EndpointJudge
from prefline.reward.models import HeadReward, Reward, TunedReward, read_reward
from prefline.sources import watched_file
from prefline.tables import Rejection
from prefline.tables.messages import conversation_of
from prefline.tables.shards import shards
from tasks.judge.calls import Answered, answered_on, charge
from tasks.judge.comparisons import Comparison, Plan, answers_of, by_prompt
from tasks.judge.context import JudgeContext
from tasks.judge.methods import JudgingMethod
from tasks.judge.results import JudgeTask, Judgment, Verdict, without_calls

_PROMPTS_AT_ONCE = 1_000  # whose rewards a model here computes in one go


class RewardModelJudge(EndpointJudge):
    """A trained reward model: a model's folder in data/imported/models, as the stage `train`
    leaves it in data/model."""

    method: Literal["reward_model"]
    path: str = Field(min_length=1)
    endpoint: Endpoint = Field(
        Endpoint(model=BUNDLED_EMBEDDER),
        description="embeddings for a reward_head, of the model that it was trained with",
    )

    @property
    def description(self) -> str:
        """The method and the model's folder."""
        return f"{self.method} from {self.path}"


class RewardModel(JudgingMethod[RewardModelJudge]):
    """One call for each answer where the model is a head on embeddings, none where it runs here.

    p_first = 1 / (1 + e^-difference): rewards are log-odds, by the loss that they are trained with.
    `context.material` is the model.
    """

    params = RewardModelJudge
    asks = "a reward model that the stage `train` made, in `data/imported/models`"
    says = "the sign of the rewards' difference; `p_first` = 1 / (1 + e^-difference)"
    sees_order = False
    one_task_per_order = False

    def read(
        self, judge: RewardModelJudge, root: Path, responses: Iterable[Mapping[str, Any]]
    ) -> Reward:
        """Read the model."""
        return read_reward(watched_file(root, judge.path, "data/imported/models"), judge.endpoint)

    def judge_tasks(
        self, judge: RewardModelJudge, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield one for each prompt."""
        groups = by_prompt(comparisons)
        reward: Reward = context.material
        if isinstance(reward, TunedReward):
            return _tuned_tasks(reward, groups)
        assert isinstance(reward, HeadReward)
        return (_task(judge, reward, of_prompt) for of_prompt in groups)

    def calls(self, judge: RewardModelJudge, context: JudgeContext, comparisons: Plan) -> int:
        """Return one for each answer, of a head; none of a model that runs here."""
        if not isinstance(context.material, HeadReward):
            return 0
        return sum(len(answers_of(of_prompt)) for of_prompt in by_prompt(comparisons))

    def wording(self, judge: RewardModelJudge, context: JudgeContext, sample: Comparison) -> Any:
        """Return the model's name."""
        return {"model": context.material.trained.name}


def compare_rewards(first: float, second: float) -> Verdict:
    """Return the verdict that follows from two rewards."""
    why = f"rewards {first:.3f} and {second:.3f}"
    if first == second:
        return Verdict("tie", 0.5, why)
    # The logistic function of the difference, in a form that never overflows.
    p_first = 0.5 * (1 + math.tanh((first - second) / 2))
    return Verdict("first" if first > second else "second", p_first, why)


def _tuned_tasks(reward: TunedReward, groups: Iterable[list[Comparison]]) -> Iterator[JudgeTask]:
    """Yield the tasks of a model that runs here, which computes the rewards of many prompts at
    once."""
    for some in shards(groups, _PROMPTS_AT_ONCE):
        of_prompts = list(some)
        rewards = _rewards(reward, of_prompts)
        yield from (without_calls(_judgments(of_prompt, rewards)) for of_prompt in of_prompts)


def _rewards(reward: TunedReward, groups: Sequence[list[Comparison]]) -> dict[str, float]:
    """Return the reward of every answer by its id, computed in one go."""
    conversations = {
        answer.response_id: conversation_of(of_prompt[0].prompt.messages, answer.answer)
        for of_prompt in groups
        for answer in answers_of(of_prompt)
    }
    rewards = reward.of(list(conversations.values()))
    return dict(zip(conversations, map(float, rewards), strict=True))


def _judgments(
    comparisons: list[Comparison], rewards: Mapping[str, float]
) -> list[Judgment | Rejection]:
    return [
        Judgment(
            pair, compare_rewards(rewards[pair.first.response_id], rewards[pair.second.response_id])
        )
        for pair in comparisons
    ]


def _task(judge: RewardModelJudge, reward: HeadReward, comparisons: list[Comparison]) -> JudgeTask:
    answers: dict[str, Answered] = {}
    messages = comparisons[0].prompt.messages
    for answer in answers_of(comparisons):
        outcome = yield reward.request(conversation_of(messages, answer.answer))
        answers[answer.response_id] = Answered.of(outcome)
    charged: set[str] = set()
    result: list[Judgment | Rejection] = []
    for comparison in comparisons:
        sides = answered_on(judge, comparison, answers)
        if isinstance(sides, Rejection):
            result.append(sides)
        else:
            verdict = compare_rewards(*(reward.of(side.last) for side in sides))
            replies = [side.last for side in sides]
            result.append(Judgment(comparison, verdict, *charge(replies, charged)))
    return result
