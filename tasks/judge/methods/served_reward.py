"""Judging method `served_reward`: a reward model that a server runs, by vLLM's or SGLang's API."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from prefline.config import EndpointJudge
from prefline.errors import InputError, ParamsError
from prefline.llm import Failure
from prefline.llm.request import REWARD_REQUESTS
from prefline.sources import watched_file
from prefline.tables import Rejection
from prefline.tables.chat_template import ChatTemplate
from prefline.tables.messages import Conversation, Message, conversation_of
from tasks.judge.calls import Answered, answered_on, charge
from tasks.judge.comparisons import Comparison, Plan, answers_of, by_prompt
from tasks.judge.context import JudgeContext
from tasks.judge.methods import JudgingMethod
from tasks.judge.methods.reward_model import compare_rewards
from tasks.judge.results import JudgeTask, Judgment

_FOLDER = "data/judges"
_LEAST = 1e-6  # a probability is kept so far from 0 and 1


class ServedRewardJudge(EndpointJudge):
    """A reward model behind an endpoint: vLLM's `/pooling` or `/classify`, SGLang's `/classify`, or
    `/v1/rewards` of a server of your own."""

    method: Literal["served_reward"]
    api: Literal["pooling", "classify", "sglang", "rewards"] = Field(
        description="pooling and classify: vLLM's; sglang: SGLang's own /classify; rewards: "
        "/v1/rewards, answered with `data: [{reward: ...}]`"
    )
    chat_template: str | None = Field(
        None,
        description="the model's chat template, a Jinja file in data/judges, for a server that "
        "takes text alone, as SGLang does; null sends messages",
    )
    output: int | None = Field(
        None, ge=0, description="which number counts, from 0; null where the model gives one"
    )
    values: Literal["logits", "probabilities"] = Field(
        "logits", description="what the numbers are: rewards, or probabilities from 0 to 1"
    )


class ServedReward(JudgingMethod[ServedRewardJudge]):
    """One call for each answer. `context.material` is the chat template, None without one."""

    params = ServedRewardJudge
    asks = "for the reward of each answer, from a reward model that vLLM or SGLang serves"
    says = "the sign of the rewards' difference; `p_first` = 1 / (1 + e^-difference)"
    sees_order = False
    one_task_per_order = False

    def read(
        self, judge: ServedRewardJudge, root: Path, responses: Iterable[Mapping[str, Any]]
    ) -> str | None:
        """Read the chat template."""
        if judge.chat_template is None:
            if judge.api == "sglang":
                raise ParamsError(
                    f"judge {judge.name}: SGLang's /classify takes text, and no chat template says "
                    "how a conversation is written",
                    "put the model's chat template into data/judges, as `chat_template`",
                )
            return None
        path = watched_file(root, judge.chat_template, _FOLDER)
        if not path.is_file():
            raise InputError(f"{path} does not exist", f"correct chat_template of {judge.name}")
        template = path.read_text(encoding="utf-8")
        _written(judge, template, conversation_of([Message(role="user", content="a")], "b"))
        return template

    def judge_tasks(
        self, judge: ServedRewardJudge, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield one for each prompt."""
        return (_task(judge, context.material, group) for group in by_prompt(comparisons))

    def calls(self, judge: ServedRewardJudge, context: JudgeContext, comparisons: Plan) -> int:
        """Return one for each answer."""
        return sum(len(answers_of(of_prompt)) for of_prompt in by_prompt(comparisons))

    def wording(self, judge: ServedRewardJudge, context: JudgeContext, sample: Comparison) -> Any:
        """Return what decides what the model is shown, and which of its numbers counts."""
        return {
            "api": judge.api,
            "template": context.material,
            "output": judge.output,
            "values": judge.values,
        }


def _task(
    judge: ServedRewardJudge, template: str | None, comparisons: list[Comparison]
) -> JudgeTask:
    messages = comparisons[0].prompt.messages
    answers: dict[str, Answered] = {}
    rewards: dict[str, float] = {}
    for answer in answers_of(comparisons):
        conversation = conversation_of(messages, answer.answer)
        text = None if template is None else _written(judge, template, conversation)
        outcome = yield REWARD_REQUESTS[judge.api](judge.endpoint.model, conversation, text)
        answers[answer.response_id] = Answered.of(outcome)
        if not isinstance(outcome, Failure):
            rewards[answer.response_id] = reward_of(judge, outcome.vector)
    charged: set[str] = set()
    result: list[Judgment | Rejection] = []
    for comparison in comparisons:
        sides = answered_on(judge, comparison, answers)
        if isinstance(sides, Rejection):
            result.append(sides)
            continue
        verdict = compare_rewards(
            *(rewards[side.response_id] for side in (comparison.first, comparison.second))
        )
        replies = [side.last for side in sides]
        result.append(Judgment(comparison, verdict, *charge(replies, charged)))
    return result


def reward_of(judge: ServedRewardJudge, values: tuple[float, ...]) -> float:
    """Return the reward among the numbers that a model gave, in log-odds.

    Raises `ParamsError` where params do not say which of them it is, or what they are.
    """
    place = judge.output
    if place is None and len(values) == 1:
        place = 0
    if place is None or place >= len(values):
        raise ParamsError(
            f"judge {judge.name}: {judge.endpoint.model} gives {len(values)} numbers, and `output` "
            f"is {judge.output}",
            "say in `output` which of them is the reward, from 0",
        )
    value = values[place]
    if judge.values == "logits":
        return value
    if not 0 <= value <= 1:
        raise ParamsError(
            f"judge {judge.name}: {judge.endpoint.model} gives {value:g}, which is no probability",
            "say `values: logits`",
        )
    held = min(max(value, _LEAST), 1 - _LEAST)
    return math.log(held / (1 - held))


def _written(judge: ServedRewardJudge, template: str, conversation: Conversation) -> str:
    return ChatTemplate(template, judge.chat_template or "").write(conversation)
